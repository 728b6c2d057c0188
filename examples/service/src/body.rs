//! The body of an upload on its way to the reader of rows: nothing is kept, everything is watched.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::BodyDataStream;
use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::lines::{Lines, LinesError};
use crate::problem::Problem;
use crate::settings::Settings;
use crate::stage::Aborted;

/// How much of a refused body is read, and for how long, so that its client gets to read the answer.
const DRAINED: u64 = 64 << 20;
const DRAINING: Duration = Duration::from_secs(3);

/// Why a body is not read any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the body has more than the {0} bytes that one may have")]
    TooLarge(u64),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("no byte came for {0:?}")]
    Idle(Duration),
    #[error("the upload did not end within {0:?}")]
    Late(Duration),
    #[error("the body broke off: {0}")]
    Broken(String),
    #[error("the service is stopping; nothing of the upload is stored: send it again")]
    Stopping,
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::TooLarge(_) => Self::TooLarge("body-too-large", detail),
            Refusal::Lines(LinesError::TooLong { .. }) => Self::TooLarge("line-too-long", detail),
            Refusal::Lines(LinesError::NotUtf8 { .. }) => Self::Invalid("not-utf8", detail),
            Refusal::Idle(_) => Self::Late("body-idle", detail),
            Refusal::Late(_) => Self::Late("upload-too-slow", detail),
            Refusal::Broken(_) => Self::Invalid("body-broken", detail),
            Refusal::Stopping => Self::Unavailable("stopping", detail),
        }
    }
}

/// Where the refusal is left for whoever answers: on its way through the load it is one cause among others.
pub(crate) type Refused = Arc<OnceLock<Refusal>>;

/// A body as a reader, within limits.
///
/// Dropped before its end it goes on reading for a while and throws away what it reads, since most clients write all
/// before they read.
pub(crate) struct UploadBody {
    body: Option<BodyDataStream>,
    piece: Bytes,
    read: u64,
    lines: Lines,
    max_body: u64,
    idle: (Duration, Pin<Box<Sleep>>),
    late: (Duration, Pin<Box<Sleep>>),
    stopping: Aborted,
    refused: Refused,
}

impl UploadBody {
    pub(crate) fn new(body: BodyDataStream, began: Instant, settings: &Settings, stopping: Aborted) -> Self {
        Self {
            body: Some(body),
            piece: Bytes::new(),
            read: 0,
            lines: Lines::new(settings.max_line),
            max_body: settings.max_body,
            idle: (settings.body_idle, Box::pin(sleep(settings.body_idle))),
            late: (settings.upload_limit, Box::pin(sleep_until(began + settings.upload_limit))),
            stopping,
            refused: Refused::default(),
        }
    }

    pub(crate) fn refused(&self) -> Refused {
        Arc::clone(&self.refused)
    }

    fn refuse(&self, refusal: Refusal) -> io::Error {
        let error = io::Error::other(refusal.clone());
        self.refused.get_or_init(|| refusal);
        error
    }

    /// Waits for the next piece that is not empty; without one the body has ended.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        while self.piece.is_empty() {
            if self.stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Refusal::Stopping));
            }
            if self.late.1.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Refusal::Late(self.late.0)));
            }
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
            let Poll::Ready(next) = Pin::new(body).poll_next(cx) else {
                ready!(self.idle.1.as_mut().poll(cx));
                return Poll::Ready(Err(Refusal::Idle(self.idle.0)));
            };
            match next {
                Some(Ok(piece)) => {
                    self.idle.1.as_mut().reset(Instant::now() + self.idle.0);
                    self.read += piece.len() as u64;
                    if self.read > self.max_body {
                        return Poll::Ready(Err(Refusal::TooLarge(self.max_body)));
                    }
                    self.lines.see(&piece)?;
                    self.piece = piece;
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Err(Refusal::Broken(error.to_string())));
                }
                None => {
                    self.body = None;
                    self.lines.end()?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for UploadBody {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_piece(cx)).map_err(|refusal| self.refuse(refusal))?;
        // The reader may be slower than the client: the time that it takes is not the client's.
        let idle = self.idle.0;
        self.idle.1.as_mut().reset(Instant::now() + idle);
        let length = self.piece.len().min(out.remaining());
        if let Some(part) = self.piece.get(..length) {
            out.put_slice(part);
        }
        self.piece.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl Drop for UploadBody {
    fn drop(&mut self) {
        if let (Some(body), Ok(runtime)) = (self.body.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(drain(body));
        }
    }
}

/// Reads what is left of a body, within limits.
pub(crate) async fn drain(mut body: BodyDataStream) {
    let mut read = 0;
    let all = async {
        while let Some(Ok(piece)) = body.next().await {
            read += piece.len() as u64;
            if read > DRAINED {
                break;
            }
        }
    };
    // Past the limit the connection is closed under the client's hands.
    let _over = timeout(DRAINING, all).await;
}
