use std::fmt;
use std::marker::PhantomData;

use super::problem::same_name;
use super::{Name, Spec};

/// A set of columns that no two rows of the table `T` share the values of; the derive writes a constant for each
/// `#[pg(unique = "…")]`: `User::UNIQUE_EMAIL`.
pub struct Unique<T: ?Sized> {
    columns: &'static [Name],
    of: PhantomData<fn() -> *const T>,
}

impl<T: ?Sized> Unique<T> {
    /// A set by its columns; the derive calls this.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Name, Unique};
    /// # struct User;
    /// const EMAIL: Unique<User> = Unique::new(&[Name::new("email")]);
    /// assert_eq!(EMAIL.columns()[0].to_string(), "email");
    /// ```
    pub const fn new(columns: &'static [Name]) -> Self {
        Self { columns, of: PhantomData }
    }

    /// The columns' names.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users", unique = "email")]
    /// # struct User { email: String }
    /// assert_eq!(User::UNIQUE_EMAIL.columns()[0].to_string(), "email");
    /// ```
    pub const fn columns(&self) -> &'static [Name] {
        self.columns
    }
}

impl<T: ?Sized> Clone for Unique<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Unique<T> {}

impl<T: ?Sized> fmt::Debug for Unique<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unique").field(&self.columns).finish()
    }
}

/// A unique set of columns of the table `T`: what rows can be in conflict on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no unique set of columns of `{T}`",
    label = "no unique set of `{T}`",
    note = "name the set on the table's struct, #[pg(unique = \"email\")], and use its constant, User::UNIQUE_EMAIL; \
            the primary key needs no name: `upsert`, `insert_many_new`"
)]
pub trait ConflictTarget<T: ?Sized> {
    /// The columns' names.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users", unique = "email")]
    /// # struct User { email: String }
    /// use pgrepo::ConflictTarget;
    /// assert_eq!(ConflictTarget::columns(&User::UNIQUE_EMAIL).len(), 1);
    /// ```
    fn columns(&self) -> &'static [Name];
}

impl<T: ?Sized> ConflictTarget<T> for Unique<T> {
    fn columns(&self) -> &'static [Name] {
        self.columns
    }
}

/// A type that can count the changes of a row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot count the changes of a row, which #[pg(version)] asks for",
    label = "no integer",
    note = "a version is an i16, i32 or i64 that is never NULL"
)]
pub trait Version {}

impl Version for i16 {}
impl Version for i32 {}
impl Version for i64 {}

/// Asks that a field's type can be a version.
pub const fn version<V: Version>() {}

/// Whether a struct with embedded ones has a column of the name.
pub const fn has_column(specs: &[Spec], name: &'static str) -> bool {
    let wanted = Name::new(name);
    let mut i = 0;
    while i < specs.len() {
        if same_name(&specs[i].name, &wanted) {
            return true;
        }
        i += 1;
    }
    false
}
