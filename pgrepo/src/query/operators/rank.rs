use std::fmt;
use std::marker::PhantomData;

use crate::query::Sort;
use crate::query::fragment::{Fragment, Text};

/// How well a column of the table `T` has the words that are searched for: what
/// [`Column::text_rank`](crate::Column::text_rank) makes.
pub struct TextRank<'q, T: ?Sized> {
    rank: Fragment<'q>,
    of: PhantomData<fn() -> *const T>,
}

impl<'q, T: ?Sized> TextRank<'q, T> {
    pub(super) fn new(rank: Fragment<'q>) -> Self {
        Self { rank, of: PhantomData }
    }

    /// Sorts by the rank, the worst first, NULL last.
    pub fn asc(self) -> Sort<'q, T> {
        Sort::ascending(self.rank)
    }

    /// Sorts by the rank, NULL first, then the best; [`Sort::nulls_last`] puts NULL behind them.
    pub fn desc(self) -> Sort<'q, T> {
        Sort::descending(self.rank)
    }
}

impl<T: ?Sized> fmt::Debug for TextRank<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        text.fragment(&self.rank);
        write!(f, "TextRank({})", text.sql)
    }
}
