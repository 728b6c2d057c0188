//! A tolerant merge that tells of each row.

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::copy::merge::{MergeReport, Merged, take};
use crate::error::Result;
use crate::pool::Handle;
use crate::table::{OwnedRow, WriteRow};

use super::bulk::BulkLoad;
use super::drive::run;
use super::reject::Rejected;
use super::report::Report;
use super::sink::Sink;
use super::source::SourceError;

impl<H, R, S> BulkLoad<H, R, S, MergeReport>
where
    H: Handle,
    R: WriteRow,
    S: Stream<Item = Result<R, SourceError>>,
{
    /// Runs the merge and returns of each row, in the order in which they came, how it is stored now and what became of it,
    /// with generated keys; `None` for those that were rejected, lost against another one with the same key that was, or, of an update, are not
    /// there. Behind them stand the rejects.
    ///
    /// # Errors
    /// As [`collect`](Self::collect); [`ErrorKind::Decode`](crate::ErrorKind::Decode): a value that was stored does not fit
    /// its field, and nothing is stored.
    ///
    /// # Cancel safety
    /// As [`Repository::merge`](crate::Repository::merge).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users", new = "NewUser", unique = "email")]
    /// # struct User { #[pg(primary_key, identity)] id: i64, email: String, name: String }
    /// # async fn example(db: &Db, users: &[NewUser]) -> pgrepo::Result<()> {
    /// let merge = db.repository::<User>().merge_on(User::UNIQUE_EMAIL, users).tolerant();
    /// let (merged, rejects) = merge.fetch_all().await?;
    /// for (user, merged) in users.iter().zip(&merged) {
    ///     match merged {
    ///         Some(merged) => println!("{} has the number {}: {:?}", user.name, merged.row.id, merged.outcome),
    ///         None => println!("{} is rejected", user.name),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_all(self) -> Result<(Vec<Option<Merged<R::Table>>>, Vec<Rejected<R>>)>
    where
        R::Table: OwnedRow + 'static,
    {
        let (mut kept, (send, mut receive)) = (Vec::new(), mpsc::unbounded_channel());
        let read = Some(take::<R::Table>(send));
        let tally = run(self.on, self.source, self.settings, Sink::Keep(&mut kept), read).await?;
        kept.sort_by_key(|reject| reject.index);
        let mut merged = Vec::new();
        while let Ok((number, row)) = receive.try_recv() {
            let Ok(place) = usize::try_from(number) else { continue };
            // Those between are rejects.
            merged.resize_with(place.max(merged.len()), || None);
            merged.push(row);
        }
        let total = usize::try_from(MergeReport::of(&tally).total()).unwrap_or(usize::MAX);
        merged.resize_with(total.max(merged.len()), || None);
        Ok((merged, kept))
    }
}
