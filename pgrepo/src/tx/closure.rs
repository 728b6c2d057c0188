//! What the closures of transactions are.

/// A closure that runs once: `async |tx| …` or the name of an `async fn`. Every such closure is one; there is nothing to
/// implement.
///
/// It stands beside [`AsyncFnOnce`] because only a trait that names the closure's future can ask for it to be [`Send`], so
/// that a transaction can run in a spawned task.
pub trait TxOnce<A, R>: AsyncFnOnce(A) -> R + FnOnce(A) -> <Self as TxOnce<A, R>>::Fut {
    /// The closure's future.
    type Fut: Future<Output = R>;
}

impl<F, A, R, Fut> TxOnce<A, R> for F
where
    F: AsyncFnOnce(A) -> R + FnOnce(A) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// A closure that may run again: `async |tx| …`, which captures by reference, or the name of an `async fn`. Every such
/// closure is one; there is nothing to implement. See [`TxOnce`].
pub trait TxFn<A, R>: AsyncFn(A) -> R + Fn(A) -> <Self as TxFn<A, R>>::Fut {
    /// The closure's future.
    type Fut: Future<Output = R>;
}

impl<F, A, R, Fut> TxFn<A, R> for F
where
    F: AsyncFn(A) -> R + Fn(A) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}
