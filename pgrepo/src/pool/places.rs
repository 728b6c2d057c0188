use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

/// Places that are taken one by one, first come first served, and whose number can change.
///
/// A semaphore of tokio's gives what comes back to whoever has waited longest, so nobody who comes later is served
/// before.
pub(super) struct Places {
    free: Semaphore,
    max: AtomicUsize,
    /// How many are to go when they come back.
    surplus: AtomicUsize,
    /// Told of each that comes back after the end.
    back: Notify,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    of: Arc<Places>,
}

/// No place is given any more.
pub(super) struct Closed;

impl Places {
    pub(super) fn new(max: usize) -> Arc<Self> {
        let (free, max) = (Semaphore::new(max), AtomicUsize::new(max));
        Arc::new(Self { free, max, surplus: AtomicUsize::new(0), back: Notify::new() })
    }

    /// Takes a place if one is free and nobody waits.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Place> {
        self.free.try_acquire().ok()?.forget();
        Some(Place { of: Arc::clone(self) })
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Place, Closed> {
        self.free.acquire().await.map_err(|_| Closed)?.forget();
        Ok(Place { of: Arc::clone(self) })
    }

    pub(super) fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// How many are to go when they come back.
    pub(super) fn surplus(&self) -> usize {
        self.surplus.load(Ordering::Relaxed)
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        (self.max() + self.surplus()).saturating_sub(self.free.available_permits())
    }

    /// Changes their number. Two calls at the same time are kept apart by whoever makes them.
    pub(super) fn resize(&self, max: usize) {
        let before = self.max.swap(max, Ordering::Relaxed);
        if let Some(fewer) = before.checked_sub(max) {
            let gone = self.free.forget_permits(fewer);
            self.surplus.fetch_add(fewer - gone, Ordering::Relaxed);
            return;
        }
        let more = max - before;
        // Those that were to go stay.
        let stay = |surplus: usize| Some(surplus - surplus.min(more));
        let surplus = self.surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, stay).unwrap_or_else(|now| now);
        self.free.add_permits(more - surplus.min(more));
    }

    /// Gives none any more: whoever waits is told so.
    pub(super) fn close(&self) {
        self.free.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.free.is_closed()
    }

    /// Waits until all are back, after the end.
    pub(super) async fn all_back(&self) {
        loop {
            let mut back = std::pin::pin!(self.back.notified());
            back.as_mut().enable();
            if self.taken() == 0 {
                return;
            }
            back.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Places { free, surplus, back, .. } = &*self.of;
        let gone = surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |surplus| surplus.checked_sub(1));
        if gone.is_err() {
            free.add_permits(1);
        }
        if free.is_closed() {
            back.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn take(places: &Arc<Places>) -> Place {
        places.try_take().unwrap()
    }

    #[test]
    fn what_is_taken_while_the_number_shrinks_goes_when_it_comes_back() {
        let places = Places::new(3);
        let (a, b) = (take(&places), take(&places));
        places.resize(1);
        assert_eq!((places.max(), places.taken(), places.surplus()), (1, 2, 1));
        assert!(places.try_take().is_none());
        drop(a);
        assert!(places.try_take().is_none(), "there is one place, and it is taken");
        drop(b);
        assert_eq!((places.taken(), places.surplus()), (0, 0));
        drop(take(&places));
    }

    #[test]
    fn growing_again_gives_no_more_than_the_number() {
        let places = Places::new(4);
        let held = [take(&places), take(&places), take(&places)];
        places.resize(1);
        places.resize(4);
        let fourth = take(&places);
        assert!(places.try_take().is_none());
        drop((held, fourth));
        assert_eq!(places.taken(), 0);
        let all: Vec<_> = std::iter::from_fn(|| places.try_take()).collect();
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn whoever_waits_is_served_in_turn_and_told_of_the_end() {
        let places = Places::new(1);
        let held = take(&places);
        let mut first = Box::pin(places.take());
        let mut second = Box::pin(places.take());
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(held);
        assert!(places.try_take().is_none(), "it belongs to the first who waits");
        assert!(second.as_mut().now_or_never().is_none());
        let first = first.now_or_never().and_then(Result::ok).unwrap();
        places.close();
        assert!(second.now_or_never().is_some_and(|place| place.is_err()));
        let mut all_back = Box::pin(places.all_back());
        assert!(all_back.as_mut().now_or_never().is_none());
        drop(first);
        assert!(all_back.now_or_never().is_some());
    }
}
