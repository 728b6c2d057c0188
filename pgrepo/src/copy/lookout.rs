//! Whether a load has failed already, before its end is sent.
//!
//! A COPY only writes, and the driver reads no answer before its end: a server that has refused the first row would be
//! sent all the others, which it throws away. So from time to time the load's session is looked at over the control
//! connection; that works over sockets and TLS alike, and no notice of a trigger is taken for an error.
//!
//! For the same reason a server that says too much, by RAISE INFO, which no setting silences, waits until somebody reads,
//! and the load until it is read from. That is seen in the same way.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::pool::{Control, PATIENCE, Session, Who};

/// Between two looks so many bytes are sent; one is under way while the next so many are.
const EVERY: usize = 8 * 1024 * 1024;

/// Looks at the session of a load.
pub(super) struct Lookout {
    session: Option<(Arc<Control>, Who, Handle)>,
    sent: usize,
    look: Option<JoinHandle<bool>>,
    /// An answer took too long: what is sent no longer waits for any.
    slow: bool,
}

impl Lookout {
    /// `backend` is the process that the load runs in; behind a pooler it may not be the one that connecting met, and then
    /// nothing is looked at.
    pub(super) fn new(session: &Session, backend: i32) -> Self {
        let known = (session.who.pid == backend)
            .then(|| (Arc::clone(&session.control), session.who.clone(), session.runtime.clone()));
        Self { session: known, sent: 0, look: None, slow: false }
    }

    /// Waits for a piece to be sent; `None` where the server is seen to wait for what it says to be read.
    pub(super) async fn sends<T>(&self, sending: impl Future<Output = T>) -> Option<T> {
        let Some((control, who, runtime)) = &self.session else { return Some(sending.await) };
        let mut sending = pin!(sending);
        // Seen twice while one piece is sent, since a way with buffers of its own may have been slow.
        let mut seen = 0;
        while seen < 2 {
            if let Ok(sent) = timeout(PATIENCE, &mut sending).await {
                return Some(sent);
            }
            let (control, who) = (Arc::clone(control), who.clone());
            let look = runtime.spawn(async move { control.look(&who).await.is_some_and(|seen| seen.unread) });
            match select(&mut sending, look).await {
                Either::Left((sent, look)) => {
                    look.abort();
                    return Some(sent);
                }
                Either::Right((Ok(true), _)) => seen += 1,
                Either::Right(_) => seen = 0,
            }
        }
        None
    }

    /// Takes note of bytes that were sent, and says whether the load was seen to have failed.
    pub(super) async fn has_failed(&mut self, bytes: usize) -> bool {
        let Some((control, who, runtime)) = &self.session else { return false };
        self.sent += bytes;
        let due = self.sent >= EVERY;
        if let Some(look) = &mut self.look {
            let answer = if look.is_finished() {
                Some(look.await)
            } else if due && !self.slow {
                let answer = timeout(PATIENCE, look).await;
                self.slow = answer.is_err();
                answer.ok()
            } else {
                None
            };
            match answer {
                Some(Ok(true)) => return true,
                Some(_) => self.look = None,
                None => {}
            }
        }
        if due && self.look.is_none() {
            let (control, who) = (Arc::clone(control), who.clone());
            self.look = Some(runtime.spawn(async move { control.look(&who).await.is_some_and(|seen| seen.failed) }));
            self.sent = 0;
        }
        false
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        if let Some(look) = &self.look {
            look.abort();
        }
    }
}
