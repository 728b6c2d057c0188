use super::assignment::Assignment;
use crate::table::{CanWrite, Column, Writes};

use super::fragment::Fragment;

/// New values for columns of one row of the table `T`: assignments, or a struct with
/// [`#[derive(PgPatch)]`](macro@crate::PgPatch).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what to change in a row of `{T}`",
    label = "no changes of a row of `{T}`",
    note = "give an array or a Vec of assignments, [User::NAME.set(…)], or a struct with #[derive(PgPatch)] #[pg(of = User)]"
)]
pub trait Changes<'q, T: ?Sized> {
    /// The assignments, none for what is left as it is.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// use pgrepo::Changes;
    /// let changes = [User::NAME.set("Ann"), User::AGE.set(28)];
    /// assert_eq!(changes.assignments().len(), 2);
    /// ```
    fn assignments(self) -> Vec<Assignment<'q, T>>;
}

impl<'q, T: ?Sized> Changes<'q, T> for Vec<Assignment<'q, T>> {
    fn assignments(self) -> Vec<Assignment<'q, T>> {
        self
    }
}

impl<'q, T: ?Sized, const N: usize> Changes<'q, T> for [Assignment<'q, T>; N] {
    fn assignments(self) -> Vec<Assignment<'q, T>> {
        self.into()
    }
}

/// The assignment of a patch's field, if it has a value; the derive calls this.
///
/// The bounds are the checks: `W` says that the column may be written, and `A` that the value is one for it.
pub fn change<'q, A, T, V, W>(column: Column<T, V, W>, value: Option<A>) -> Option<Assignment<'q, T>>
where
    A: Writes<V> + Send + Sync + 'q,
    T: ?Sized,
    V: ?Sized,
    W: CanWrite,
{
    value.map(|value| Assignment::new(column.name(), Fragment::default().param(value)))
}
