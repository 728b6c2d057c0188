use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::error::{Error, Result};

/// The rows of a stream in pieces of one size, of which the last one may be shorter.
///
/// One piece is in memory at a time. Where a row cannot be read, the rows before it come first, as a shorter piece, and
/// the error after them. Dropped before its end it does what the stream does.
#[must_use = "chunks do nothing unless they are read"]
pub struct Chunks<S, T> {
    rows: S,
    size: NonZeroUsize,
    chunk: Vec<T>,
    /// What came behind the rows that were handed over last.
    failed: Option<Error>,
}

/// No more rows than this are made room for before they have come.
const ROOM: usize = 1024;

impl<S, T> Chunks<S, T>
where
    S: Stream<Item = Result<T>> + Unpin,
{
    pub(crate) fn new(rows: S, size: NonZeroUsize) -> Self {
        Self { rows, size, chunk: Vec::new(), failed: None }
    }

    /// Reads the next rows: as many as were asked for, or those that are left; `None` at the end.
    ///
    /// # Errors
    /// As the stream's; the rows before the one at fault were handed over, and the next can be read where the stream's
    /// can.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// const SIZE: std::num::NonZeroUsize = std::num::NonZeroUsize::new(1000).unwrap();
    /// let mut names = db.query("SELECT name FROM users").stream::<String>().await?.chunks(SIZE);
    /// while let Some(chunk) = names.next_chunk().await? {
    ///     println!("{} rows", chunk.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<T>>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<T>>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        while self.chunk.len() < self.size.get() {
            match ready!(Pin::new(&mut self.rows).poll_next(cx)) {
                Some(Ok(row)) => {
                    if self.chunk.is_empty() {
                        self.chunk.reserve(self.size.get().min(ROOM));
                    }
                    self.chunk.push(row);
                }
                Some(Err(error)) if self.chunk.is_empty() => return Poll::Ready(Some(Err(error))),
                Some(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                None if self.chunk.is_empty() => return Poll::Ready(None),
                None => break,
            }
        }
        Poll::Ready(Some(Ok(std::mem::take(&mut self.chunk))))
    }
}

impl<S, T> Stream for Chunks<S, T>
where
    S: Stream<Item = Result<T>> + Unpin,
    T: Unpin,
{
    type Item = Result<Vec<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl<S, T> fmt::Debug for Chunks<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, stream};

    use crate::error::ErrorKind;

    use super::*;

    fn read(rows: Vec<Result<i32>>, size: usize) -> Vec<Result<Vec<i32>>> {
        let mut chunks = Chunks::new(stream::iter(rows), NonZeroUsize::new(size).unwrap());
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next_chunk().now_or_never().unwrap().transpose() {
            all.push(chunk);
        }
        all
    }

    fn sizes(rows: i32, size: usize) -> Vec<usize> {
        read((0..rows).map(Ok).collect(), size).into_iter().map(|chunk| chunk.unwrap().len()).collect()
    }

    #[test]
    fn all_are_full_but_the_last() {
        assert_eq!(sizes(0, 3), [0_usize; 0]);
        assert_eq!(sizes(2, 3), [2]);
        assert_eq!(sizes(3, 3), [3]);
        assert_eq!(sizes(7, 3), [3, 3, 1]);
        assert_eq!(sizes(3, 1), [1, 1, 1]);
        assert_eq!(sizes(5, usize::MAX), [5]);
    }

    #[test]
    fn the_rows_around_an_error_are_not_lost() {
        let broken = || Err(Error::new(ErrorKind::Decode, "broken"));
        let all = read(vec![Ok(1), Ok(2), broken(), Ok(3), Ok(4), Ok(5), broken(), broken(), Ok(6)], 3);
        let all: Vec<Option<Vec<i32>>> = all.into_iter().map(Result::ok).collect();
        assert_eq!(all, [Some(vec![1, 2]), None, Some(vec![3, 4, 5]), None, None, Some(vec![6])]);
    }
}
