use std::fmt;
use std::pin::Pin;

use sqlx::PgConnection;

use crate::error::Result;

use super::driver;

/// A connection that was just made and that nobody has used: what
/// [`Db::connect_with`](crate::Db::connect_with) hands to its callback.
pub struct NewConnection {
    pub(super) conn: PgConnection,
}

/// What a callback on a new connection returns.
pub type HookFuture<'c> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'c>>;

pub(super) type AfterConnect = dyn for<'c> Fn(&'c mut NewConnection) -> HookFuture<'c> + Send + Sync;

impl NewConnection {
    /// Runs statements without parameters, of any kind: what they change stays as long as the connection lives.
    ///
    /// # Errors
    /// What the server refused.
    ///
    /// # Cancel safety
    /// A dropped future closes the connection.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example() -> pgrepo::Result<()> {
    /// use pgrepo::{Db, DbConfig};
    /// let set_up = "SET search_path = app; CREATE TEMPORARY TABLE scratch (line text)";
    /// let db = Db::connect_with(DbConfig::from_env()?, move |new| Box::pin(new.execute_script(set_up))).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute_script(&mut self, sql: &str) -> Result<()> {
        driver::script_on(&mut self.conn, sql).await.map_err(|e| driver::error(e).during("execute_script"))
    }

    /// The driver's own connection. Leave it at rest and without an open transaction: it is lent as it is.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(new: &mut pgrepo::NewConnection) -> sqlx::Result<()> {
    /// sqlx::query("SELECT set_config('app.tenant', $1, false)").bind("t42").execute(new.raw()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").finish_non_exhaustive()
    }
}
