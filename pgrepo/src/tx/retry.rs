use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};
use crate::observe::{self, Operation, Subject};
use crate::pool::{Db, Passing};
use crate::retry::{Backoff, RetryConfig};

use super::closure::{TxFn, TxOnce};
use super::{Tx, TxOptions};

/// What is told of a closure in a transaction; what is run in it is told by itself.
const TRANSACTION: &str = "transaction";

impl Db {
    /// Runs a closure in a transaction, once: commits where it returns `Ok`, rolls back where it returns an error or panics.
    ///
    /// Write it `async |tx| …`; `|tx| async move { … }` does not compile. It may capture by value, by reference and by
    /// `&mut`, and its error is any type that pgrepo's converts into. Where another connection is taken in it, by this
    /// `Db` instead of `tx`, that is no part of the transaction, and waits for a connection that another such closure may
    /// hold.
    ///
    /// # Errors
    /// The closure's own; no connection; or as [`Tx::commit`].
    ///
    /// # Cancel safety
    /// Dropped before COMMIT is sent, nothing takes effect; afterwards that is unknown, unless [`Tx::id`] was asked for.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let id: i64 = db
    ///     .transaction(async |tx| {
    ///         let id: i64 = tx.query("INSERT INTO orders DEFAULT VALUES RETURNING id").fetch_val().await?;
    ///         tx.query("INSERT INTO items (order_id, name) VALUES ($1, $2)").bind(id).bind("tea").execute().await?;
    ///         Ok::<_, pgrepo::Error>(id)
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn of these bounds is not known to be `Send` where it is spawned"
    )]
    pub fn transaction<F, T, E>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        for<'t> F: AsyncFnOnce(&'t mut Tx) -> Result<T, E> + TxOnce<&'t mut Tx, Result<T, E>, Fut: Send> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        self.run_once(TxOptions::default(), work)
    }

    /// [`transaction`](Self::transaction) with options.
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn of these bounds is not known to be `Send` where it is spawned"
    )]
    pub(super) fn run_once<F, T, E>(&self, options: TxOptions, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        for<'t> F: AsyncFnOnce(&'t mut Tx) -> Result<T, E> + TxOnce<&'t mut Tx, Result<T, E>, Fut: Send> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        // Told of as it is first polled.
        async move {
            let run = pin!(async {
                let mut tx = self.begin_with(options).await?;
                match work(&mut tx).await {
                    Ok(value) => {
                        tx.commit().await?;
                        Ok(value)
                    }
                    Err(error) => {
                        // Should this fail, the connection is closed, which rolls back as well.
                        let _closed = tx.rollback().await;
                        Err(error)
                    }
                }
            });
            Operation::around(self.about(), TRANSACTION).watch_any(run).await
        }
    }

    /// Runs a closure in a transaction with these options, and again where the transaction is known to have had no effect
    /// and what it failed by may pass: a serialization failure or a deadlock, also one that COMMIT is answered by, a lock
    /// that was not available in time, a connection that broke before COMMIT was sent, or at COMMIT where the server then
    /// says that nothing took effect. [`FaultClass`](crate::FaultClass) is the table.
    ///
    /// The whole closure is run again, so what it does beside the transaction it may do more than once. It captures by
    /// reference; what it changes of its surroundings must be an atomic or in a lock, and `async move` gives away on the
    /// first run what the second needs: neither compiles ("does not implement `Fn` because it captures state"). What it returns as its error is for the caller only. Whether
    /// to run it again is decided by what failed last on the transaction itself: a statement that succeeds afterwards, as
    /// after a [`savepoint`](Tx::savepoint) that was rolled back, says that the closure has found another way, and its
    /// error then ends it. So does what [`Tx::raw`] was called for.
    ///
    /// Waits and attempts are those of [`TxOptions::retry`]; repetitions are also taken from the budget of the `Db`, but
    /// for conflicts with other transactions, which are no outage.
    ///
    /// A COMMIT that is not answered is found out about: before COMMIT the transaction's id is asked for, which costs a
    /// round trip, unless the options say `read_only` (a NOTIFY is sent twice then, if its COMMIT's answer is lost). After a lost answer the
    /// server is asked by it over another connection, for as long as acquiring one may take.
    ///
    /// # Errors
    /// The closure's own; no connection; or as [`Tx::commit`]. What pgrepo returns where the server or the connection
    /// failed, in the closure too, says in [`Error::attempts`] how often it was tried. Only where a lost COMMIT could not be found out about is
    /// [`Error::fault_class`] indeterminate; the closure is not run again then.
    ///
    /// # Cancel safety
    /// Dropped before COMMIT is sent, nothing takes effect; afterwards that is unknown, unless the closure asked for
    /// [`Tx::id`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Isolation, TxOptions};
    ///
    /// let (from, to, amount) = (1_i64, 2_i64, 100_i64);
    /// let options = TxOptions::default().isolation(Isolation::Serializable);
    /// db.transaction_with(options, async |tx| {
    ///     let move_by = "UPDATE accounts SET balance = balance + $2 WHERE id = $1";
    ///     tx.query(move_by).bind(from).bind(-amount).execute().await?;
    ///     tx.query(move_by).bind(to).bind(amount).execute().await
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn of these bounds is not known to be `Send` where it is spawned"
    )]
    pub fn transaction_with<F, T, E>(&self, options: TxOptions, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        for<'t> F: AsyncFn(&'t mut Tx) -> Result<T, E> + TxFn<&'t mut Tx, Result<T, E>, Fut: Send> + Send + Sync,
        T: Send,
        E: From<Error> + Send,
    {
        async move {
            let run = pin!(async {
                let mut attempts = Attempts::new(self, &options);
                loop {
                    let (passing, failure) = match self.begin_observed(pin!(Tx::begin(self, &options))).await {
                        Err(error) => (Passing::of(&error), Failure::Ours(error)),
                        Ok(mut tx) => {
                            tx.guard.set_attempt(attempts.made);
                            match work(&mut tx).await {
                                Ok(value) => match tx.commit_asking().await {
                                    Ok(()) => {
                                        observe::attempts(attempts.made);
                                        return Ok(value);
                                    }
                                    Err(Uncommitted { error, passing }) => (passing, Failure::Ours(error)),
                                },
                                Err(error) => {
                                    let passing = tx.passing();
                                    // Should this fail, the connection is closed, which rolls back as well.
                                    let _closed = tx.rollback().await;
                                    (passing, Failure::Theirs(error))
                                }
                            }
                        }
                    };
                    match passing.and_then(|passing| attempts.wait(passing)) {
                        Some(wait) => sleep(wait).await,
                        None => {
                            observe::attempts(attempts.made);
                            return Err(failure.after(attempts.made));
                        }
                    }
                }
            });
            Operation::around(self.about(), TRANSACTION).watch_any(run).await
        }
    }

    /// Begins a transaction with these options, which the server is told in the message that begins it. Dropped without
    /// [`commit`](Tx::commit) it is rolled back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): the options contradict each other; no connection, or the server
    /// refused.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind: its connection is closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Isolation, TxOptions};
    ///
    /// let mut tx = db.begin_with(TxOptions::default().isolation(Isolation::RepeatableRead).read_only()).await?;
    /// let users: i64 = tx.query("SELECT count(*) FROM users").fetch_val().await?;
    /// let orders: i64 = tx.query("SELECT count(*) FROM orders").fetch_val().await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin_with(&self, options: TxOptions) -> Result<Tx> {
        let begun = pin!(async {
            let mut attempts = self.retry().attempts();
            loop {
                match Tx::begin(self, &options).await {
                    Err(error) => sleep(attempts.after(error, false)?).await,
                    begun => {
                        observe::attempts(attempts.made());
                        return begun;
                    }
                }
            }
        });
        self.begin_observed(begun).await
    }

    async fn begin_observed<F: Future<Output = Result<Tx>>>(&self, begun: Pin<&mut F>) -> Result<Tx> {
        Operation::begin(self.about(), "begin", Subject::default()).watch(begun).await
    }
}

/// Whose error a run ended with.
enum Failure<E> {
    Ours(Error),
    Theirs(E),
}

impl<E: From<Error>> Failure<E> {
    fn after(self, attempts: u32) -> E {
        match self {
            Self::Ours(error) => error.after_attempts(attempts).into(),
            Self::Theirs(error) => error,
        }
    }
}

/// A transaction whose closure was content, and that was not committed.
struct Uncommitted {
    error: Error,
    passing: Option<Passing>,
}

impl Tx {
    /// Commits, and asks for the transaction's id before, so that a COMMIT that is not answered can be found out about.
    async fn commit_asking(mut self) -> Result<(), Uncommitted> {
        let raw = self.raw;
        let committed = match self.know_id().await {
            Ok(()) => self.commit().await,
            Err(error) => {
                let passing = self.passing();
                return Err(Uncommitted { error: error.during("commit"), passing });
            }
        };
        committed.map_err(|error| Uncommitted { passing: Passing::of(&error).filter(|_| !raw), error })
    }
}

/// The runs of one closure.
struct Attempts<'d> {
    db: &'d Db,
    config: RetryConfig,
    backoff: Backoff,
    began: Instant,
    made: u32,
}

impl<'d> Attempts<'d> {
    fn new(db: &'d Db, options: &TxOptions) -> Self {
        db.retry().budget().deposit();
        let config = options.retry.unwrap_or(db.retry().config());
        Self { db, config, backoff: config.backoff(), began: Instant::now(), made: 1 }
    }

    /// How long to wait before the next run, if there is to be one.
    fn wait(&mut self, passing: Passing) -> Option<Duration> {
        let wait = self.backoff.next()?;
        let in_time = self.began.elapsed().saturating_add(wait) < self.config.deadline;
        let granted = in_time && (passing.conflict || self.db.retry().budget().withdraw());
        if granted {
            self.made += 1;
            self.db.retry().tell(if passing.conflict { "conflict" } else { "outage" }.into(), self.made);
        }
        granted.then_some(wait)
    }
}
