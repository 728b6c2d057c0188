//! A client's connection on which answers have to be taken in time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection that fails where a client leaves an answer unread: from when the system takes no more of it until all
/// of it is written, no more than the limit may pass.
pub(crate) struct Taken<S> {
    stream: S,
    limit: Duration,
    /// Runs while an answer waits for the client.
    late: Option<Pin<Box<Sleep>>>,
}

impl<S> Taken<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, late: None }
    }

    /// What a write came to, or that its time is over.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            let limit = self.limit;
            ready!(self.late.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Asked for when all of an answer is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.late = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its message")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn an_answer_has_to_be_taken_as_a_whole_in_time() {
        let (client, mut reader) = duplex(4);
        let mut client = Taken::new(client, Duration::from_millis(100));
        // What fits is no wait, whatever the time between two answers.
        client.write_all(b"1234").await.unwrap();
        client.flush().await.unwrap();
        sleep(Duration::from_millis(150)).await;
        reader.read_exact(&mut [0; 4]).await.unwrap();
        client.write_all(b"1234").await.unwrap();
        client.flush().await.unwrap();
        // Nor is it enough to take a byte now and then.
        let dribble = tokio::spawn(async move {
            while reader.read_u8().await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert_eq!(client.write_all(&[0; 1000]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(client);
        dribble.await.unwrap();
    }
}
