use std::fmt::Debug;

use crate::error::Error;

use super::PgTable;

/// A table's struct whose constraints are declared, and the enum that stands for them; written by
/// `#[derive(PgTable)]` with `#[pg(constraints = "…")]`: see [`Error::violation`].
#[diagnostic::on_unimplemented(
    message = "the constraints of `{Self}` are not declared",
    label = "no enum stands for its constraints",
    note = "let the derive write one: #[pg(constraints = \"UserConstraint\", unique = \"email\", check = \"users_age_check\")]"
)]
pub trait Constraints: PgTable {
    /// The enum: a variant for each constraint.
    type Constraint: Debug + Clone + Copy + PartialEq + Eq + Send + Sync + 'static;

    /// The constraint of a name, if it is declared.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users", constraints = "UserConstraint", check = "users_age_check")]
    /// # struct User { age: i32 }
    /// use pgrepo::Constraints;
    /// assert_eq!(User::constraint("users_age_check"), Some(UserConstraint::CheckAge));
    /// assert_eq!(User::constraint("another"), None);
    /// ```
    fn constraint(name: &str) -> Option<Self::Constraint>;
}

impl Error {
    /// Which of the declared constraints of `T` was violated.
    ///
    /// It is `None` where none was, where it was one of another table or one that is not declared, and for NULL in a
    /// column that takes none, which has no name: [`column`](Self::column) and [`field`](Self::field) say which. Where
    /// the struct is used in another schema its constraints have the same names. Of a row in a partition the server
    /// names the partition and its own index, so there unique constraints are not found.
    ///
    /// # Examples
    /// ```no_run
    /// use pgrepo::PgTable;
    ///
    /// #[derive(PgTable)]
    /// #[pg(table = "users", constraints = "UserConstraint", unique = "email", check = "users_age_check")]
    /// struct User {
    ///     #[pg(primary_key)]
    ///     id: i64,
    ///     email: String,
    ///     age: i32,
    /// }
    ///
    /// # async fn example(db: &pgrepo::Db, new: User) -> pgrepo::Result<()> {
    /// if let Err(error) = db.repository::<User>().insert(new).await {
    ///     match error.violation::<User>() {
    ///         Some(UserConstraint::UniqueEmail) => println!("there is somebody with this address"),
    ///         Some(UserConstraint::CheckAge) => println!("nobody is as old"),
    ///         Some(UserConstraint::PrimaryKey) => println!("the number is taken"),
    ///         None => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn violation<T: Constraints>(&self) -> Option<T::Constraint> {
        let server = self.server().filter(|_| self.is_constraint_violation())?;
        // The server's word for the table: an error of a load on this one may come from a trigger's other one.
        server.table().filter(|table| *table == T::TABLE.name)?;
        T::constraint(server.constraint()?)
    }
}
