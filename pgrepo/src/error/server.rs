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
    pub fn sqlstate(&self) -> SqlState {
        self.0.state
    }

    /// `ERROR`, `FATAL` or `PANIC`; after the latter two the session is gone.
    pub fn severity(&self) -> &str {
        &self.0.severity
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The detail; it may quote values of a row.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What the server advises.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in its work the server was; of a COPY the line, and it may quote a value.
    pub fn context(&self) -> Option<&str> {
        self.0.context.as_deref()
    }

    /// The schema of the table or constraint.
    pub fn schema(&self) -> Option<&str> {
        self.0.schema.as_deref()
    }

    /// The table.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The column.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// The data type, for errors of a type or a domain.
    pub fn data_type(&self) -> Option<&str> {
        self.0.data_type.as_deref()
    }

    /// The constraint; unique indexes count as constraints.
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// The routine in the server's source that reported it.
    pub fn routine(&self) -> Option<&str> {
        self.0.routine.as_deref()
    }

    /// The place in the statement's text, in characters from 1.
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
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// The class: what the first two characters say.
    pub fn class(&self) -> SqlClass {
        match self.as_str().get(..2) {
            Some("08") => SqlClass::Connection,
            Some("0A") => SqlClass::FeatureNotSupported,
            Some("22") => SqlClass::Data,
            Some("23") => SqlClass::IntegrityConstraint,
            Some("25") => SqlClass::TransactionState,
            Some("26") => SqlClass::StatementName,
            Some("28") => SqlClass::Authorization,
            Some("40") => SqlClass::TransactionRollback,
            Some("42") => SqlClass::SyntaxOrAccess,
            Some("53") => SqlClass::InsufficientResources,
            Some("54") => SqlClass::ProgramLimit,
            Some("55") => SqlClass::ObjectState,
            Some("57") => SqlClass::OperatorIntervention,
            Some("58") => SqlClass::System,
            Some("P0") => SqlClass::PlPgSql,
            Some("XX") => SqlClass::Internal,
            _ => SqlClass::Other,
        }
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

/// The classes of SQLSTATEs that programs tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlClass {
    /// 08: the connection failed.
    Connection,
    /// 0A: not supported; also a cached plan whose result changed.
    FeatureNotSupported,
    /// 22: a value is out of range or malformed.
    Data,
    /// 23: a constraint was violated.
    IntegrityConstraint,
    /// 25: not possible in the transaction's state; 25P02 is an aborted one.
    TransactionState,
    /// 26: a prepared statement is not there.
    StatementName,
    /// 28: the user may not connect.
    Authorization,
    /// 40: serialization failure or deadlock; the transaction was rolled back and may be run again.
    TransactionRollback,
    /// 42: syntax, unknown names, missing privileges, types that do not fit.
    SyntaxOrAccess,
    /// 53: connections, memory or disk ran out.
    InsufficientResources,
    /// 54: too large or too complex.
    ProgramLimit,
    /// 55: the object is not in the state for it; 55P03 is a lock that was not available.
    ObjectState,
    /// 57: cancelled, shutting down or starting up.
    OperatorIntervention,
    /// 58: the system under the server failed.
    System,
    /// P0: raised by PL/pgSQL.
    PlPgSql,
    /// XX: an internal error of the server.
    Internal,
    /// Any other class.
    Other,
}
