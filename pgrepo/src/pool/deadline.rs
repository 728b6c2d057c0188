use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, ErrorKind};

/// A deadline on any future of a `Result`: an operation, or several that a block of your own runs.
///
/// # Examples
/// ```no_run
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// use pgrepo::WithDeadline;
/// use std::time::Duration;
///
/// let limit = Duration::from_secs(2);
/// let users: i64 = db.query("SELECT count(*) FROM users").fetch_val().with_deadline(limit).await?;
///
/// // All of it within the limit; a transaction that is dropped is rolled back.
/// let transfer = async {
///     let mut tx = db.begin().await?;
///     tx.query("UPDATE accounts SET balance = balance - 5 WHERE id = 1").execute().await?;
///     tx.query("UPDATE accounts SET balance = balance + 5 WHERE id = 2").execute().await?;
///     let id = tx.id().await?;
///     Ok::<_, pgrepo::Error>((tx, id))
/// };
/// let (tx, id) = transfer.with_deadline(limit).await?;
///
/// // A COMMIT that is given up may take effect all the same: ask.
/// match tx.commit().with_deadline(limit).await {
///     Err(error) if error.is_timeout() => println!("{:?}", db.outcome(id).await?),
///     other => other?,
/// }
/// # Ok(())
/// # }
/// ```
pub trait WithDeadline<T, E>: Future<Output = Result<T, E>> + Sized {
    /// Runs the future for no longer than this, and drops it then.
    ///
    /// What an operation of pgrepo leaves behind that is dropped is said at its `# Cancel safety`: in each case its
    /// connection is closed and the server is told to end the session, so that nothing of it goes on to run there; the
    /// error does not wait for that. So a **write outside a transaction that is given up may have taken effect**, and so
    /// may a COMMIT: ask for [`Tx::id`](crate::Tx::id) before, and then [`Db::outcome`](crate::Db::outcome).
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`]: the limit, which the message names, passed; else the future's own.
    fn with_deadline(self, limit: Duration) -> impl Future<Output = Result<T, E>>;
}

impl<F, T, E> WithDeadline<T, E> for F
where
    F: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    async fn with_deadline(self, limit: Duration) -> Result<T, E> {
        timeout(limit, self).await.unwrap_or_else(|_| {
            let message = format!("the deadline of {limit:?} passed, and what was under way is given up");
            Err(Error::new(ErrorKind::Timeout, message).into())
        })
    }
}
