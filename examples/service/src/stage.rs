//! Where the service is in its life, for whoever has to stop in time.

use std::pin::Pin;

use tokio::sync::watch;

/// How far the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It serves.
    Serving,
    /// No connection is taken any more; what is under way may end.
    Draining,
    /// Time is over: uploads under way are rolled back.
    Aborting,
}

/// Ends when uploads are to be rolled back.
pub(crate) type Aborted = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits until the service is so far, or gone.
pub(crate) fn reached(stage: &watch::Receiver<Stage>, wanted: Stage) -> Aborted {
    let mut stage = stage.clone();
    Box::pin(async move {
        let _gone = stage.wait_for(|stage| *stage >= wanted).await;
    })
}
