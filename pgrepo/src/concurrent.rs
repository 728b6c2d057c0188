//! Many operations, so many at once.

use std::future::Future;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, Result};

/// Runs operations with so many of them at once at most: what [`Db::concurrent`](crate::Db::concurrent) returns.
///
/// An operation here is the future of any of pgrepo's methods, which does nothing before it is polled; so is an `async`
/// block that calls several of them one after the other. They begin in their order, each as soon as fewer than the limit
/// are under way, and the results come back in their order, whichever ended first.
///
/// Each one that is under way has a connection of the pool for itself, since the driver cannot pipeline: it sends no
/// statement on a connection before the last one was answered. So the server sees as many active sessions as the limit
/// at the peak, and each operation costs its round trips. Where many small statements are the same, one statement is
/// better than many at once:
///
/// * one over an array, `… WHERE id = ANY($1)`, or `INSERT … SELECT … FROM unnest($1, $2)`;
/// * one with a join, for rows that belong together;
/// * COPY, for rows to be stored: [`Repository::copy_in`](crate::Repository::copy_in).
///
/// Whatever runs in a transaction runs one after the other, as a transaction has one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nothing runs until operations are given to it"]
pub struct Concurrent {
    limit: usize,
}

impl Concurrent {
    /// The limit, held between 1 and the number of the pool's connections.
    pub(crate) fn new(asked: usize, connections: usize) -> Self {
        let limit = asked.clamp(1, connections.max(1));
        if limit != asked {
            tracing::info!(asked, limit, connections, "the limit of operations at once was brought into the pool's");
        }
        Self { limit }
    }

    /// How many run at once at most.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Runs the operations of a tuple, whose results may be of different types, and returns the tuple of their values.
    ///
    /// After the first failure none begins any more. Those under way are awaited, so that their connections go on
    /// living; what they return, errors included, is thrown away.
    ///
    /// # Errors
    /// That of the operation that failed first.
    ///
    /// # Cancel safety
    /// A dropped future drops the operations: those under way close their connections, the others never begin.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let users = db.query("SELECT count(*) FROM users").fetch_one::<i64>();
    /// let names = db.query("SELECT name FROM users").fetch_all::<String>();
    /// let (users, names) = db.concurrent(2).all((users, names)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn all<B: Batch>(self, operations: B) -> Result<B::Values> {
        operations.all(self.limit).await
    }

    /// Runs the operations of a tuple to their ends, and returns the tuple of their results.
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) {
    /// let users = db.query("SELECT count(*) FROM users").fetch_one::<i64>();
    /// let orders = db.query("SELECT count(*) FROM orders").fetch_one::<i64>();
    /// if let (Ok(users), Err(error)) = db.concurrent(2).settle((users, orders)).await {
    ///     println!("{users} users, and no orders: {error}");
    /// }
    /// # }
    /// ```
    pub async fn settle<B: Batch>(self, operations: B) -> B::Results {
        operations.settle(self.limit).await
    }

    /// Runs any number of operations of one type, and returns their values in the order of the operations.
    ///
    /// Each one is taken from the iterator when it begins. After the first failure none begins any more, as with
    /// [`all`](Self::all).
    ///
    /// # Errors
    /// That of the operation that failed first.
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let count = |table| db.query(format!("SELECT count(*) FROM {table}")).fetch_one::<i64>();
    /// let counts = db.concurrent(4).each(["users", "orders", "invoices"].map(count)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn each<F, T>(self, operations: impl IntoIterator<Item = F>) -> Result<Vec<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let (mut values, mut failed) = (Vec::new(), None);
        run(self.limit, numbered(operations), |(index, result)| {
            match result {
                Ok(value) => values.push((index, value)),
                Err(error) => drop(failed.get_or_insert(error)),
            }
            failed.is_none()
        })
        .await;
        failed.map_or_else(|| Ok(in_order(values)), Err)
    }

    /// Runs any number of operations of one type to their ends, and returns their results in the order of the operations.
    ///
    /// # Cancel safety
    /// As [`all`](Self::all).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) {
    /// let count = |table| db.query(format!("SELECT count(*) FROM {table}")).fetch_one::<i64>();
    /// for (table, count) in ["users", "orders"].into_iter().zip(db.concurrent(4).settle_each(["users", "orders"].map(count)).await) {
    ///     println!("{table}: {count:?}");
    /// }
    /// # }
    /// ```
    pub async fn settle_each<F, T>(self, operations: impl IntoIterator<Item = F>) -> Vec<Result<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let mut results = Vec::new();
        run(self.limit, numbered(operations), |ended| {
            results.push(ended);
            true
        })
        .await;
        in_order(results)
    }
}

/// A tuple of up to twelve operations, each the future of a [`Result`]: what [`Concurrent::all`] and
/// [`Concurrent::settle`] take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of operations",
    note = "give a tuple of 1 to 12 futures of pgrepo's methods, not awaited; more of one type go to `each`"
)]
pub trait Batch: sealed::Run {}

impl<B: sealed::Run> Batch for B {}

mod sealed {
    use super::*;

    /// Runs the operations.
    pub trait Run {
        /// What they return when all succeed.
        type Values;
        /// What each of them returns.
        type Results;

        #[doc(hidden)]
        fn all(self, limit: usize) -> impl Future<Output = Result<Self::Values>> + Send;

        #[doc(hidden)]
        fn settle(self, limit: usize) -> impl Future<Output = Self::Results> + Send;
    }

    macro_rules! tuple {
        ($($F:ident $T:ident $i:tt)+) => {
            impl<$($F, $T),+> Run for ($($F,)+)
            where
                $($F: Future<Output = Result<$T>> + Send, $T: Send),+
            {
                type Values = ($($T,)+);
                type Results = ($(Result<$T>,)+);

                async fn all(self, limit: usize) -> Result<Self::Values> {
                    let mut places = ($(None::<$T>,)+);
                    let mut failed: Option<Error> = None;
                    let queue: Vec<BoxFuture<'_, Result<()>>> = vec![$({
                        let place = &mut places.$i;
                        Box::pin(async move {
                            *place = Some(self.$i.await?);
                            Ok(())
                        })
                    }),+];
                    run(limit, queue.into_iter(), |ended| {
                        if let Err(error) = ended {
                            failed.get_or_insert(error);
                        }
                        failed.is_none()
                    })
                    .await;
                    match failed {
                        Some(error) => Err(error),
                        None => Ok(($(filled(places.$i),)+)),
                    }
                }

                async fn settle(self, limit: usize) -> Self::Results {
                    let mut places = ($(None::<Result<$T>>,)+);
                    let queue: Vec<BoxFuture<'_, ()>> = vec![$({
                        let place = &mut places.$i;
                        Box::pin(async move { *place = Some(self.$i.await) })
                    }),+];
                    run(limit, queue.into_iter(), |()| true).await;
                    ($(filled(places.$i),)+)
                }
            }
        };
    }
    tuple!(F0 T0 0);
    tuple!(F0 T0 0 F1 T1 1);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6 F7 T7 7);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6 F7 T7 7 F8 T8 8);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6 F7 T7 7 F8 T8 8 F9 T9 9);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6 F7 T7 7 F8 T8 8 F9 T9 9 F10 T10 10);
    tuple!(F0 T0 0 F1 T1 1 F2 T2 2 F3 T3 3 F4 T4 4 F5 T5 5 F6 T6 6 F7 T7 7 F8 T8 8 F9 T9 9 F10 T10 10 F11 T11 11);
}

/// Runs futures with so many under way at most, and hands over each output as it comes; when `took` says no, none
/// begins any more, and those under way are awaited.
async fn run<F: Future>(limit: usize, mut queue: impl Iterator<Item = F>, mut took: impl FnMut(F::Output) -> bool) {
    let mut under_way = FuturesUnordered::new();
    let mut goes_on = true;
    loop {
        while goes_on && under_way.len() < limit {
            match queue.next() {
                Some(future) => under_way.push(future),
                None => goes_on = false,
            }
        }
        match under_way.next().await {
            Some(output) => goes_on &= took(output),
            None => return,
        }
    }
}

/// The operations, each with its place.
fn numbered<F: Future>(
    operations: impl IntoIterator<Item = F>,
) -> impl Iterator<Item = impl Future<Output = (usize, F::Output)>> {
    operations.into_iter().enumerate().map(|(index, operation)| async move { (index, operation.await) })
}

fn in_order<T>(mut ended: Vec<(usize, T)>) -> Vec<T> {
    ended.sort_unstable_by_key(|(index, _)| *index);
    ended.into_iter().map(|(_, value)| value).collect()
}

fn filled<T>(place: Option<T>) -> T {
    match place {
        Some(value) => value,
        None => unreachable!("each operation of a run that did not fail has ended"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::task::Poll;

    use super::*;
    use crate::error::ErrorKind;

    /// Yields so many times.
    async fn turns(mut left: usize) {
        std::future::poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn refusal(message: &'static str) -> Error {
        Error::new(ErrorKind::Query, message)
    }

    #[test]
    fn the_limit_is_held_between_one_and_the_pool() {
        let limits = [0, 1, 5, 10, 11, usize::MAX].map(|asked| Concurrent::new(asked, 10).limit());
        assert_eq!(limits, [1, 1, 5, 10, 10, 10]);
    }

    #[tokio::test]
    async fn so_many_are_under_way_and_no_more() {
        for limit in 1..=7 {
            let (now, peak) = (Cell::new(0), Cell::new(0));
            let work = (0..40_usize).map(|i| {
                let (now, peak) = (&now, &peak);
                async move {
                    now.set(now.get() + 1);
                    peak.set(peak.get().max(now.get()));
                    turns(i * 7 % 5).await;
                    now.set(now.get() - 1);
                    Ok(i)
                }
            });
            let values = Concurrent::new(limit, 10).each(work).await.unwrap();
            assert_eq!(values, (0..40).collect::<Vec<_>>());
            assert_eq!((peak.get(), now.get()), (limit, 0));
        }
    }

    #[tokio::test]
    async fn results_stand_in_the_order_of_the_operations() {
        let slow = async {
            turns(9).await;
            Ok("slow")
        };
        let values = Concurrent::new(3, 3).all((slow, async { Ok(2) }, async { Ok(vec![3.0]) })).await.unwrap();
        assert_eq!(values, ("slow", 2, vec![3.0]));
        let (one, two, three) = Concurrent::new(2, 3)
            .settle((async { Ok(1) }, async { Err::<(), _>(refusal("no")) }, async { Ok('c') }))
            .await;
        assert_eq!((one.unwrap(), two.unwrap_err().to_string(), three.unwrap()), (1, "no".to_owned(), 'c'));
        let all = |i: usize| async move {
            turns(10 - i).await;
            if i % 3 == 1 { Err(refusal("no")) } else { Ok(i) }
        };
        let results = Concurrent::new(4, 4).settle_each((0..10).map(all)).await;
        assert!(results.iter().enumerate().all(|(i, r)| r.as_ref().map_or(i % 3 == 1, |v| *v == i)));
        assert!(
            Concurrent::new(4, 4).each(std::iter::empty::<std::future::Ready<Result<()>>>()).await.unwrap().is_empty()
        );
    }

    #[tokio::test]
    async fn after_a_failure_none_begins_and_those_under_way_end() {
        let (begun, ended) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let work = |i: usize| {
            let (begun, ended) = (&begun, &ended);
            async move {
                begun.borrow_mut().push(i);
                turns([5, 2, 9, 0, 0, 0][i]).await;
                ended.borrow_mut().push(i);
                match i {
                    1 => Err(refusal("the first")),
                    2 => Err(refusal("a later one")),
                    _ => Ok(()),
                }
            }
        };
        let error = Concurrent::new(3, 3).each((0..6).map(work)).await.unwrap_err();
        assert_eq!(error.to_string(), "the first");
        assert_eq!((begun.take(), ended.take()), (vec![0, 1, 2], vec![1, 0, 2]));

        let ran = std::sync::atomic::AtomicUsize::new(0);
        let count = |result: Result<()>| {
            let ran = &ran;
            async move {
                ran.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                turns(3).await;
                result
            }
        };
        let error = Concurrent::new(2, 3)
            .all((count(Ok(())), async { Err::<(), _>(refusal("at once")) }, count(Ok(())), count(Ok(()))))
            .await
            .unwrap_err();
        assert_eq!((error.to_string().as_str(), ran.into_inner()), ("at once", 1));
    }
}
