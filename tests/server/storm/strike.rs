//! The drop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::phase::{At, Phase};

/// Drops an operation in a phase, at its n-th pending poll there or, with a delay, some time after that poll.
pub(super) struct Strike<F> {
    pub(super) future: Option<Pin<Box<F>>>,
    pub(super) at: At,
    pub(super) phase: Phase,
    pub(super) left: usize,
    pub(super) delay: Duration,
    pub(super) sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// What became of an operation.
pub(super) enum Struck<T> {
    Ended(T),
    Dropped(Phase),
}

impl<F: Future> Future for Strike<F> {
    type Output = Struck<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(sleep) = &mut this.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        } else if let Some(future) = &mut this.future {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Struck::Ended(output));
            }
            if this.at.get() != this.phase {
                return Poll::Pending;
            }
            this.left = this.left.saturating_sub(1);
            if this.left > 0 {
                return Poll::Pending;
            }
            if !this.delay.is_zero() {
                let mut sleep = Box::pin(tokio::time::sleep(this.delay));
                if sleep.as_mut().poll(cx).is_pending() {
                    this.sleep = Some(sleep);
                    return Poll::Pending;
                }
            }
        }
        this.future = None;
        Poll::Ready(Struck::Dropped(this.at.get()))
    }
}
