//! Bytes of any reader, piece by piece: what the readers of lines stand on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{Error, ErrorKind};

/// The most that is asked of the reader at a time.
const PIECE: usize = 32 * 1024;

/// After so many pieces the task gives way, also where the reader always has another one.
const PIECES: u32 = 32;

const BOM: &[u8; 3] = b"\xef\xbb\xbf";

/// The bytes of a reader, without the byte order mark that they may begin with.
pub(crate) struct Source<R> {
    reader: Pin<Box<R>>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Whether the beginning was looked at.
    begun: bool,
    ended: bool,
    pieces: u32,
}

impl<R: AsyncRead> Source<R> {
    pub(crate) fn new(reader: R) -> Self {
        let buffer = vec![0; PIECE].into_boxed_slice();
        Self { reader: Box::pin(reader), buffer, start: 0, end: 0, begun: false, ended: false, pieces: 0 }
    }

    /// The bytes that were not consumed yet; waits for some if there are none. Without any the reader has ended.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        while !self.begun {
            let have = self.unread();
            if have.len() >= BOM.len() || self.ended || !BOM.starts_with(have) {
                self.start = if have.starts_with(BOM) { BOM.len() } else { 0 };
                self.begun = true;
            } else {
                ready!(self.poll_read(cx))?;
            }
        }
        if self.start == self.end && !self.ended {
            (self.start, self.end) = (0, 0);
            ready!(self.poll_read(cx))?;
        }
        Poll::Ready(Ok(self.unread()))
    }

    /// So many bytes are done with.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start + bytes);
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads a piece behind what is there.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pieces == PIECES {
            self.pieces = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut piece = ReadBuf::new(self.buffer.get_mut(self.end..).unwrap_or_default());
        ready!(self.reader.as_mut().poll_read(cx, &mut piece))?;
        let read = piece.filled().len();
        self.end += read;
        self.ended = read == 0;
        self.pieces += 1;
        Poll::Ready(Ok(()))
    }
}

/// The reader's own error, which ends the rows.
#[cold]
pub(crate) fn broken(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, "the reader failed, so what follows is unknown").caused_by(error)
}

#[cfg(test)]
pub(crate) mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// A reader that yields pieces of a size, then fails if it is told to.
    pub(crate) struct Pieces<'a> {
        pub(crate) bytes: &'a [u8],
        pub(crate) size: usize,
        pub(crate) fails: bool,
    }

    impl AsyncRead for Pieces<'_> {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if self.bytes.is_empty() && self.fails {
                return Poll::Ready(Err(io::Error::other("the disk is gone")));
            }
            let (piece, rest) = self.bytes.split_at(self.size.min(self.bytes.len()).min(out.remaining()));
            out.put_slice(piece);
            self.bytes = rest;
            Poll::Ready(Ok(()))
        }
    }

    /// A reader that yields a byte each second time that it is asked.
    pub(crate) struct Stammering<'a> {
        bytes: &'a [u8],
        waits: bool,
    }

    impl<'a> Stammering<'a> {
        pub(crate) fn new(bytes: &'a [u8]) -> Self {
            Self { bytes, waits: false }
        }
    }

    impl AsyncRead for Stammering<'_> {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.waits = !self.waits;
            if self.waits {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some((first, rest)) = self.bytes.split_first() {
                out.put_slice(&[*first]);
                self.bytes = rest;
            }
            Poll::Ready(Ok(()))
        }
    }

    fn all(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut source = Source::new(Pieces { bytes, size, fails: false });
        let mut all = Vec::new();
        loop {
            let piece = std::future::poll_fn(|cx| source.poll_fill(cx).map_ok(<[u8]>::to_vec));
            let piece = piece.now_or_never().unwrap().unwrap();
            if piece.is_empty() {
                return all;
            }
            source.consume(piece.len());
            all.extend(piece);
        }
    }

    #[test]
    fn the_byte_order_mark_is_left_out_once_and_in_whatever_pieces_it_comes() {
        for size in [1, 2, 3, 4, 100] {
            assert_eq!(all(b"\xef\xbb\xbfa\xef\xbb\xbf", size), b"a\xef\xbb\xbf", "{size}");
            for whole in [&b""[..], b"\xef", b"\xef\xbb", b"\xef\xbbx", b"ab\xef\xbb\xbf"] {
                assert_eq!(all(whole, size), whole, "{size}");
            }
            assert_eq!(all(b"\xef\xbb\xbf", size), b"", "{size}");
        }
    }

    /// A reader that never ends, and never waits.
    pub(crate) struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let room = out.initialize_unfilled();
            room.fill(b'x');
            let length = room.len();
            out.advance(length);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_reader_that_never_waits_does_not_keep_the_thread() {
        let mut source = Source::new(Endless);
        let filled = std::future::poll_fn(|cx| {
            loop {
                match source.poll_fill(cx) {
                    Poll::Ready(Ok(piece)) => {
                        let length = piece.len();
                        source.consume(length);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(error),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        assert!(filled.now_or_never().is_none());
    }
}
