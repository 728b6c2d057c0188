//! Operations side by side, so many at once and no more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use crate::error::{Error, ErrorKind, Result};

/// Runs operations side by side, each on a connection of its own, and hands out their results in the order in which
/// they were given: made by [`Db::concurrent`](crate::Db::concurrent).
///
/// The operations are futures that have not begun: queries, `get`s, loads, of different types if there are few
/// ([`all`](Self::all), [`settle`](Self::settle)), or any number of one type ([`each`](Self::each),
/// [`settle_each`](Self::settle_each)). The server never works on more of them at once than the limit.
///
/// **No pipelining.** The driver cannot send a statement before the one ahead of it on the same connection was answered,
/// and there is no mode that lifts this: so many operations take so many connections, and each costs a round trip of its
/// own. Where many small ones are of one kind, use one statement instead: keys bound as arrays
/// ([`get_many`](crate::Repository::get_many), [`in_`](crate::Column::in_), `= ANY($1)`), rows as one parameter
/// ([`insert_many`](crate::Repository::insert_many)), a join, or COPY. Statements without parameters go in one message by
/// [`execute_script`](crate::Db::execute_script).
///
/// # Examples
/// ```no_run
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "users")]
/// # struct User { #[pg(primary_key)] id: i64, name: String }
/// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
/// let users = db.repository::<User>();
/// let (count, first, names) = db
///     .concurrent(4)
///     .all((
///         db.query("SELECT count(*) FROM users").fetch_one::<i64>(),
///         users.get(1),
///         db.query("SELECT name FROM users LIMIT $1").bind(10_i64).fetch_all::<String>(),
///     ))
///     .await?;
/// # let _: (i64, Option<User>, Vec<String>) = (count, first, names);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing runs before operations are given"]
pub struct Concurrent {
    limit: usize,
}

impl Concurrent {
    pub(crate) fn new(wanted: usize, connections: usize) -> Self {
        let limit = wanted.clamp(1, connections.max(1));
        if limit != wanted {
            tracing::warn!(
                wanted,
                limit,
                connections,
                "the number of concurrent operations is brought within the pool's"
            );
        }
        Self { limit }
    }

    /// How many operations run at once.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// // The pool has 10 connections by default.
    /// assert_eq!(db.concurrent(1_000).limit(), 10);
    /// assert_eq!(db.concurrent(0).limit(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Runs a tuple of operations, of any result types, and returns the tuple of their results.
    ///
    /// # Errors
    /// The first error that occurs. What has not begun by then does not begin; what is under way is waited for, so that
    /// no connection is closed in the middle of an answer, and its result is dropped.
    ///
    /// # Cancel safety
    /// A dropped future drops those that are under way: each does what its own documentation says.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// let (all, first) = db.concurrent(2).all((users.all().count(), users.get(1))).await?;
    /// println!("{all} users, the first is {:?}", first.map(|user| user.name));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn all<F: Operations>(self, operations: F) -> Result<F::Values> {
        operations.all(self.limit).await
    }

    /// Runs a tuple of operations, all of them whatever becomes of the others, and returns the tuple of what became of
    /// each.
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// let (all, first) = db.concurrent(2).settle((users.all().count(), users.get(1))).await;
    /// if let Err(error) = &all {
    ///     eprintln!("they cannot be counted: {error}");
    /// }
    /// println!("the first is {:?}", first?.map(|user| user.name));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settle<F: Operations>(self, operations: F) -> F::Outcomes {
        operations.settle(self.limit).await
    }

    /// Runs any number of operations of one type. They are taken from the iterator as they begin, so it may make them
    /// one by one.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let sizes = (1..=100_i64).map(|n| db.query("SELECT pg_sleep(0.01)::text || $1").bind(n.to_string()).fetch_one::<String>());
    /// let sizes: Vec<String> = db.concurrent(8).each(sizes).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn each<T>(self, operations: impl IntoIterator<Item: Future<Output = Result<T>>>) -> Result<Vec<T>> {
        let mut first = None;
        let keep = |outcome: Result<T>| match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                first.get_or_insert(error);
                None
            }
        };
        let outcomes = self.run(operations, keep).await;
        match first {
            Some(error) => Err(error),
            None => Ok(outcomes.into_iter().flatten().collect()),
        }
    }

    /// Runs any number of operations of one type, all of them whatever becomes of the others.
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.repository::<User>();
    /// let outcomes = db.concurrent(8).settle_each((1..=100_i64).map(|id| users.delete(id))).await;
    /// let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    /// println!("{failed} of {} could not be deleted", outcomes.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settle_each<T>(
        self,
        operations: impl IntoIterator<Item: Future<Output = Result<T>>>,
    ) -> Vec<Result<T>> {
        self.run(operations, Some).await.into_iter().flatten().collect()
    }

    /// Runs operations as long as `keep` keeps what became of them; results are in the order of the operations.
    async fn run<T, K>(
        self,
        operations: impl IntoIterator<Item: Future<Output = Result<T>>>,
        mut keep: impl FnMut(Result<T>) -> Option<K>,
    ) -> Vec<Option<K>> {
        let mut waiting = operations.into_iter().enumerate();
        let mut under_way = FuturesUnordered::new();
        let mut outcomes = Vec::new();
        let mut begin = true;
        loop {
            while begin
                && under_way.len() < self.limit
                && let Some((index, operation)) = waiting.next()
            {
                outcomes.push(None);
                under_way.push(async move { (index, operation.await) });
            }
            let Some((index, outcome)) = under_way.next().await else { return outcomes };
            let kept = keep(outcome);
            begin &= kept.is_some();
            if let Some(place) = outcomes.get_mut(index) {
                *place = kept;
            }
        }
    }
}

/// A tuple of up to twelve operations: futures of any results.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tuple of operations",
    label = "expected a tuple of up to twelve futures, each of a `pgrepo::Result`",
    note = "give the calls without `.await`: `.all((users.get(1), db.query(\"…\").fetch_all::<User>()))`; \
            any number of one type go to `each`"
)]
pub trait Operations: sealed::Run {}

mod sealed {
    use super::Result;

    /// Runs them, so many at once.
    pub trait Run {
        /// The tuple of their values.
        type Values;
        /// The tuple of what became of each.
        type Outcomes;

        #[doc(hidden)]
        fn all(self, limit: usize) -> impl Future<Output = Result<Self::Values>> + Send;

        #[doc(hidden)]
        fn settle(self, limit: usize) -> impl Future<Output = Self::Outcomes> + Send;
    }
}

/// Lets so many begin at a time, and none after the first failure where failures count.
struct Gate {
    places: Semaphore,
    failed: Mutex<Option<Error>>,
}

impl Gate {
    fn new(limit: usize) -> Self {
        Self { places: Semaphore::new(limit), failed: Mutex::new(None) }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Error>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation when there is a place, whatever became of the others.
    async fn pass<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        // It is never closed, so there always is a permit in the end.
        let _place = self.places.acquire().await;
        operation.await
    }

    /// Runs an operation when there is a place, unless another has failed by then.
    async fn pass_unless_failed<T>(&self, operation: impl Future<Output = Result<T>>) -> Option<T> {
        let _place = self.places.acquire().await;
        if self.failed().is_some() {
            return None;
        }
        match operation.await {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed().get_or_insert(error);
                None
            }
        }
    }
}

/// All of them side by side, as nested pairs.
macro_rules! joined {
    ($last:expr) => { $last };
    ($first:expr, $($rest:expr),+) => { join($first, joined!($($rest),+)) };
}

/// Takes nested pairs apart.
macro_rules! apart {
    ($from:expr => $last:ident) => { let $last = $from; };
    ($from:expr => $first:ident $($rest:ident)+) => {
        let ($first, rest) = $from;
        apart!(rest => $($rest)+);
    };
}

macro_rules! tuples {
    ($($(($f:ident $t:ident $v:ident))+;)+) => {$(
        impl<$($t: Send, $f: Future<Output = Result<$t>> + Send),+> Operations for ($($f,)+) {}

        impl<$($t: Send, $f: Future<Output = Result<$t>> + Send),+> sealed::Run for ($($f,)+) {
            type Values = ($($t,)+);
            type Outcomes = ($(Result<$t>,)+);

            async fn all(self, limit: usize) -> Result<Self::Values> {
                let ($($v,)+) = self;
                let gate = Gate::new(limit);
                apart!(joined!($(gate.pass_unless_failed($v)),+).await => $($v)+);
                match gate.failed().take() {
                    Some(error) => Err(error),
                    None => match ($($v,)+) {
                        ($(Some($v),)+) => Ok(($($v,)+)),
                        _ => Err(Error::new(ErrorKind::Query, "an operation did not begin")),
                    },
                }
            }

            async fn settle(self, limit: usize) -> Self::Outcomes {
                let ($($v,)+) = self;
                let gate = Gate::new(limit);
                apart!(joined!($(gate.pass($v)),+).await => $($v)+);
                ($($v,)+)
            }
        }
    )+};
}
tuples! {
    (A TA a);
    (A TA a) (B TB b);
    (A TA a) (B TB b) (C TC c);
    (A TA a) (B TB b) (C TC c) (D TD d);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g) (H TH h);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g) (H TH h) (I TI i);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g) (H TH h) (I TI i) (J TJ j);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g) (H TH h) (I TI i) (J TJ j) (K TK k);
    (A TA a) (B TB b) (C TC c) (D TD d) (E TE e) (F TF f) (G TG g) (H TH h) (I TI i) (J TJ j) (K TK k) (L TL l);
}
