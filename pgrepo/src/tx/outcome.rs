use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, FaultClass, Result};
use crate::pool::Db;

/// The server's number of a transaction, to ask for its outcome by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TxId(u64);

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TxId {
    type Err = Error;

    /// Reads what `Display` wrote, so that the number can be kept outside of the program.
    fn from_str(text: &str) -> Result<Self> {
        text.parse()
            .map(Self)
            .map_err(|e| Error::new(ErrorKind::Config, "this is no transaction's number").caused_by(e))
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TxOutcome {
    /// All of it took effect.
    Committed,
    /// None of it did.
    Aborted,
    /// It still runs.
    InProgress,
    /// It is so long ago that the server no longer knows.
    Unknown,
}

/// Asks what became of a transaction.
pub(crate) async fn outcome(db: &Db, id: TxId) -> Result<TxOutcome> {
    let (status,): (Option<String>,) = db
        .query("SELECT pg_catalog.pg_xact_status($1::text::xid8)")
        .bind(id.0.to_string())
        .named("outcome")
        .fetch_one()
        .await?;
    Ok(match status.as_deref() {
        Some("committed") => TxOutcome::Committed,
        Some("aborted") => TxOutcome::Aborted,
        Some("in progress") => TxOutcome::InProgress,
        _ => TxOutcome::Unknown,
    })
}

/// That a COMMIT was not answered: the cause of the error that says so.
#[derive(Debug)]
pub(crate) struct Unanswered {
    id: Option<TxId>,
    cause: Error,
}

impl Unanswered {
    pub(crate) fn new(id: Option<TxId>, cause: Error) -> Self {
        Self { id, cause }
    }

    pub(super) fn id(&self) -> Option<TxId> {
        self.id
    }

    /// Whether the server has not even got it, for certain.
    pub(super) fn is_unsent(&self) -> bool {
        self.cause.fault_class() == FaultClass::RolledBack
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "transaction {id} lost its connection"),
            None => f.write_str("the transaction lost its connection"),
        }
    }
}

impl std::error::Error for Unanswered {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Error {
    /// The transaction whose COMMIT was not answered, if it is a load's own or its [`id`](super::Tx::id) was asked for
    /// before: [`Db::outcome`] tells by it what became of the transaction.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(primary_key)] id: i64, name: String, age: Option<i32> }
    /// # async fn example(db: &pgrepo::Db, users: &[User]) -> pgrepo::Result<()> {
    /// if let Err(error) = db.repository::<User>().copy_in(users).await {
    ///     match error.tx_id() {
    ///         Some(id) => println!("{:?}", db.outcome(id).await?),
    ///         None => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tx_id(&self) -> Option<TxId> {
        let mut cause = std::error::Error::source(self)?;
        loop {
            if let Some(unanswered) = cause.downcast_ref::<Unanswered>() {
                return unanswered.id();
            }
            cause = cause.source()?;
        }
    }
}
