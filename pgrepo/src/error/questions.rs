use super::{Error, ErrorKind, SqlClass};

/// What callers decide on.
///
/// Of the constraints, [`constraint`](Error::constraint) says which one.
impl Error {
    fn is_state(&self, state: &str) -> bool {
        self.sqlstate().is_some_and(|s| s.as_str() == state)
    }

    /// Whether a constraint of any kind was violated (class 23).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_constraint_violation() {
    ///     println!("the row breaks {:?}", error.constraint());
    /// }
    /// # }
    /// ```
    pub fn is_constraint_violation(&self) -> bool {
        self.sqlstate().is_some_and(|s| s.class() == SqlClass::IntegrityConstraint)
    }

    /// Whether a unique constraint, a unique index or a primary key was violated (23505).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_unique_violation() {
    ///     println!("there is such a row already: {:?}", error.constraint());
    /// }
    /// # }
    /// ```
    pub fn is_unique_violation(&self) -> bool {
        self.is_state("23505")
    }

    /// Whether a foreign key was violated (23503), also one that restricts a change of what it refers to (23001).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_foreign_key_violation() {
    ///     println!("other rows refer to it, or what it refers to is not there");
    /// }
    /// # }
    /// ```
    pub fn is_foreign_key_violation(&self) -> bool {
        self.is_state("23503") || self.is_state("23001")
    }

    /// Whether a check constraint was violated (23514), of a table or of a domain; also a row that fits no partition.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_check_violation() {
    ///     println!("a value is not allowed: {:?}", error.constraint());
    /// }
    /// # }
    /// ```
    pub fn is_check_violation(&self) -> bool {
        self.is_state("23514")
    }

    /// Whether NULL was given to a column that takes none (23502).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_not_null_violation() {
    ///     println!("{:?} is required", error.column());
    /// }
    /// # }
    /// ```
    pub fn is_not_null_violation(&self) -> bool {
        self.is_state("23502")
    }

    /// Whether an exclusion constraint was violated (23P01).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_exclusion_violation() {
    ///     println!("it overlaps with another row");
    /// }
    /// # }
    /// ```
    pub fn is_exclusion_violation(&self) -> bool {
        self.is_state("23P01")
    }

    /// Whether the transaction could not be serialised with others (40001): run it again.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let run_again = error.is_serialization_failure() || error.is_deadlock();
    /// # }
    /// ```
    pub fn is_serialization_failure(&self) -> bool {
        self.is_state("40001")
    }

    /// Whether the transaction was rolled back to end a deadlock (40P01): run it again.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_deadlock() {
    ///     println!("nothing took effect: {error}");
    /// }
    /// # }
    /// ```
    pub fn is_deadlock(&self) -> bool {
        self.is_state("40P01")
    }

    /// Whether a deadline passed, ours or the server's (57014 by `statement_timeout`, 55P03 by `lock_timeout`).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_timeout() {
    ///     println!("it took too long: {error}");
    /// }
    /// # }
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Whether a lock was not available, by `lock_timeout` or `NOWAIT` (55P03).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_lock_timeout() {
    ///     println!("somebody else works on it");
    /// }
    /// # }
    /// ```
    pub fn is_lock_timeout(&self) -> bool {
        self.is_state("55P03")
    }

    /// Whether the server cancelled the statement (57014): by `statement_timeout`, or since somebody asked for it.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_cancelled() {
    ///     println!("the server was asked to stop, or its time was up");
    /// }
    /// # }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.is_state("57014")
    }

    /// Whether the server had no connection left, for the role or the database or at all (53300).
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if error.is_too_many_connections() {
    ///     println!("the server has no connection left");
    /// }
    /// # }
    /// ```
    pub fn is_too_many_connections(&self) -> bool {
        self.is_state("53300")
    }
}
