use std::fmt;

/// An error as the server reported it, field by field
/// (<https://www.postgresql.org/docs/current/protocol-error-fields.html>).
///
/// `Display` is the primary message with its SQLSTATE. The detail, which may quote a row's values, is reachable by
/// [`detail`](Self::detail) only and stands in neither `Display` nor `Debug`.
#[derive(Clone)]
pub struct ServerError(pub(crate) Box<ServerFields>);

#[derive(Clone, Default)]
pub(crate) struct ServerFields {
    pub(crate) severity: String,
    pub(crate) state: SqlState,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) data_type: Option<String>,
    pub(crate) constraint: Option<String>,
    pub(crate) routine: Option<String>,
    pub(crate) position: Option<usize>,
}

impl ServerError {
    /// The SQLSTATE.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(server) = error.server() {
    ///     println!("SQLSTATE {}", server.sqlstate());
    /// }
    /// # }
    /// ```
    pub fn sqlstate(&self) -> SqlState {
        self.0.state
    }

    /// `ERROR`, `FATAL` or `PANIC`; after the latter two the session is gone.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let session_is_gone = error.server().is_some_and(|server| server.severity() != "ERROR");
    /// # }
    /// ```
    pub fn severity(&self) -> &str {
        &self.0.severity
    }

    /// The primary message.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let message = error.server().map(|server| server.message());
    /// # }
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The detail; it may quote values of a row.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let detail = error.server().and_then(|server| server.detail());
    /// # }
    /// ```
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What the server advises.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(hint) = error.server().and_then(|server| server.hint()) {
    ///     println!("the server advises: {hint}");
    /// }
    /// # }
    /// ```
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in its work the server was; of a COPY the line, and it may quote a value.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let function_and_line = error.server().and_then(|server| server.context());
    /// # }
    /// ```
    pub fn context(&self) -> Option<&str> {
        self.0.context.as_deref()
    }

    /// The schema of the table or constraint.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let schema = error.server().and_then(|server| server.schema());
    /// # }
    /// ```
    pub fn schema(&self) -> Option<&str> {
        self.0.schema.as_deref()
    }

    /// The table.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let table = error.server().and_then(|server| server.table());
    /// # }
    /// ```
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The column.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let column = error.server().and_then(|server| server.column());
    /// # }
    /// ```
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// The data type, for errors of a type or a domain.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(domain) = error.server().and_then(|server| server.data_type()) {
    ///     println!("it is no {domain}");
    /// }
    /// # }
    /// ```
    pub fn data_type(&self) -> Option<&str> {
        self.0.data_type.as_deref()
    }

    /// The constraint; unique indexes count as constraints.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let constraint = error.server().and_then(|server| server.constraint());
    /// # }
    /// ```
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// The routine in the server's source that reported it.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let routine = error.server().and_then(|server| server.routine());
    /// # }
    /// ```
    pub fn routine(&self) -> Option<&str> {
        self.0.routine.as_deref()
    }

    /// Whether a row-level security policy, or the condition of a view, refused a row.
    pub(crate) fn is_of_policy(&self) -> bool {
        self.routine() == Some("ExecWithCheckOptions")
    }

    /// The place in the statement's text, in characters from 1.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// if let Some(at) = error.server().and_then(|server| server.position()) {
    ///     println!("the statement is wrong at its character {at}");
    /// }
    /// # }
    /// ```
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    pub(super) fn fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = [
            ("hint", &self.0.hint),
            ("schema", &self.0.schema),
            ("table", &self.0.table),
            ("column", &self.0.column),
            ("data type", &self.0.data_type),
            ("constraint", &self.0.constraint),
        ];
        for (name, value) in places {
            if let Some(value) = value {
                write!(f, ", {name}: {value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.0.message, self.0.state)
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.0.severity)?;
        self.fields(f)
    }
}

impl std::error::Error for ServerError {}

/// A five-character SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SqlState([u8; 5]);

impl SqlState {
    pub(crate) fn new(code: &str) -> Self {
        let mut bytes = *b"XX000";
        if let Ok(five) = code.as_bytes().try_into() {
            bytes = five;
        }
        Self(bytes)
    }

    /// The five characters.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// let no_such_table = error.sqlstate().is_some_and(|state| state.as_str() == "42P01");
    /// # }
    /// ```
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// The class: what the first two characters say.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(error: &pgrepo::Error) {
    /// use pgrepo::SqlClass;
    /// if error.sqlstate().is_some_and(|state| state.class() == SqlClass::InsufficientResources) {
    ///     println!("the server's connections, memory or disk ran out");
    /// }
    /// # }
    /// ```
    pub fn class(&self) -> SqlClass {
        self.as_str().get(..2).map_or(SqlClass::Other, SqlClass::of)
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! classes {
    ($($code:literal $name:ident $what:literal,)*) => {
        /// The classes of SQLSTATEs: all of PostgreSQL's
        /// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum SqlClass {
            $(#[doc = concat!($code, ": ", $what, ".")] $name,)*
            /// Any other class, such as one that a program makes up by `RAISE`.
            Other,
        }

        impl SqlClass {
            fn of(code: &str) -> Self {
                match code {
                    $($code => Self::$name,)*
                    _ => Self::Other,
                }
            }
        }

        #[cfg(test)]
        const CODES: &[(&str, SqlClass)] = &[$(($code, SqlClass::$name),)*];
    };
}

classes! {
    "00" Success "successful completion",
    "01" Warning "a warning",
    "02" NoData "no data",
    "03" StatementNotComplete "a statement is not complete yet",
    "08" Connection "the connection failed",
    "09" TriggeredAction "an action of a trigger failed",
    "0A" FeatureNotSupported "not supported; also a cached plan whose result changed",
    "0B" TransactionInitiation "a transaction cannot be initiated",
    "0F" Locator "a locator is invalid",
    "0L" Grantor "a grantor is invalid",
    "0P" Role "a role is invalid",
    "0Z" Diagnostics "diagnostics were asked for where there are none",
    "10" XQuery "an error of XQuery",
    "20" CaseNotFound "a CASE of PL/pgSQL has no branch for the value",
    "21" Cardinality "a subquery gave more than one row, or a row was to be changed twice by one command",
    "22" Data "a value is out of range or malformed",
    "23" IntegrityConstraint "a constraint was violated",
    "24" CursorState "a cursor is not in the state for it",
    "25" TransactionState "not possible in the transaction's state; 25P02 is an aborted one",
    "26" StatementName "a prepared statement is not there",
    "27" TriggeredDataChange "a trigger changed data that the command changes too",
    "28" Authorization "the user may not connect",
    "2B" DependentPrivileges "others depend on the privileges",
    "2D" TransactionTermination "a transaction cannot be ended here",
    "2F" SqlRoutine "an SQL routine failed",
    "34" CursorName "there is no such cursor",
    "38" ExternalRoutine "a routine outside of SQL failed",
    "39" ExternalRoutineInvocation "a routine outside of SQL was called, or answered, wrongly; also one of a trigger",
    "3B" Savepoint "a savepoint is not there",
    "3D" CatalogName "there is no such database",
    "3F" SchemaName "there is no such schema",
    "40" TransactionRollback "serialization failure or deadlock; the transaction was rolled back and may be run again",
    "42" SyntaxOrAccess "syntax, unknown names, missing privileges, types that do not fit",
    "44" WithCheckOption "a row does not fit the view that it is written through",
    "53" InsufficientResources "connections, memory or disk ran out",
    "54" ProgramLimit "too large or too complex",
    "55" ObjectState "the object is not in the state for it; 55P03 is a lock that was not available",
    "57" OperatorIntervention "cancelled, shutting down or starting up",
    "58" System "the system under the server failed",
    "72" Snapshot "a snapshot is too old; before PostgreSQL 17",
    "F0" ConfigFile "the server's configuration file is wrong",
    "HV" ForeignData "a foreign data wrapper failed",
    "P0" PlPgSql "raised by PL/pgSQL",
    "XX" Internal "an internal error of the server",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes of the appendix, of 13 to 18.
    const APPENDIX: &str = "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 \
                            42 44 53 54 55 57 58 72 F0 HV P0 XX";

    #[test]
    fn all_classes_of_the_appendix_are_told_apart() {
        let codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, APPENDIX.split_whitespace().collect::<Vec<_>>());
        for (code, class) in CODES {
            assert_eq!(SqlState::new(&format!("{code}000")).class(), *class);
        }
        assert_eq!(SqlState::new("ZZ123").class(), SqlClass::Other);
    }
}
