//! The driver's side of every operation: its errors, its prepared statements, its arguments. `AssertSqlSafe`, the
//! driver's word for "this text was looked at", stands here only.

use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgColumn, PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgStatement, PgTypeInfo,
};
use sqlx::{Arguments, AssertSqlSafe, Either, Executor, PgConnection, Postgres, Row, SqlSafeStr, Statement};
use tokio::time::timeout;

use crate::driver_row::{Misfit, Places, type_info};
use crate::error::{Error, ErrorKind, Result, ServerError, ServerFields, SqlClass, SqlState};
use crate::table::Fields;
use crate::value::TypeInfo;

use super::connect::Session;
use super::values::Encoded;

/// A statement as the server prepared it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) sql: Arc<str>,
    pub(crate) parameters: Vec<TypeInfo>,
    statement: PgStatement,
    /// Where the columns stand of the row types that have read its result.
    places: Mutex<Vec<(Fields, Arc<Places>)>>,
}

impl Prepared {
    /// The most row types whose columns' places are kept; of further ones they are found each time.
    const KEPT: usize = 8;

    /// The columns of its result.
    pub(crate) fn columns(&self) -> &[PgColumn] {
        self.statement.columns()
    }

    /// Finds the columns that a row type reads, the first time, and compares their types.
    pub(crate) fn places(&self, fields: &Fields) -> Result<Arc<Places>, Misfit> {
        let mut kept = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = kept.iter().find(|(of, _)| of.same(fields)) {
            return Ok(Arc::clone(places));
        }
        let places = Arc::new(Places::of(self.columns(), fields)?);
        if kept.len() < Self::KEPT {
            kept.push((*fields, Arc::clone(&places)));
        }
        Ok(places)
    }
}

/// Finds a statement among the session's, or prepares it; says whether it was found.
pub(crate) async fn prepare(session: &mut Session, sql: &str) -> Result<(Arc<Prepared>, bool), sqlx::Error> {
    if let Some(prepared) = session.statements.get(sql) {
        return Ok((Arc::clone(prepared), true));
    }
    let sql = Arc::<str>::from(sql);
    let text = AssertSqlSafe(Arc::clone(&sql)).into_sql_str();
    let statement = answered(session.answer_limit, (&mut session.conn).prepare_with(text, &[])).await?;
    let parameters = match statement.parameters() {
        Some(Either::Left(types)) => types.iter().map(type_info).collect(),
        _ => Vec::new(),
    };
    let prepared = Arc::new(Prepared { sql, parameters, statement, places: Mutex::default() });
    // The driver drops statements one by one when it holds too many, and prepares them again with our types when
    // they are asked for; here all are forgotten at once, which costs it a look-up each.
    if session.statements.len() >= session.statement_cache {
        session.statements.clear();
    }
    session.statements.insert(Arc::clone(&prepared.sql), Arc::clone(&prepared));
    Ok((prepared, false))
}

/// Forgets what was prepared, here and in the driver, after a statement has gone stale.
pub(crate) async fn forget(session: &mut Session) -> Result<(), sqlx::Error> {
    session.statements.clear();
    answered(session.answer_limit, sqlx::Connection::clear_cached_statements(&mut session.conn)).await
}

impl Encoded {
    /// The driver's arguments, of the types that the server gave the parameters.
    fn arguments(&self, prepared: &Prepared) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.len(), self.size());
        for (field, ty) in self.fields().zip(&prepared.parameters) {
            arguments.add(Argument { field, oid: ty.oid() }).map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

/// A field in our encoding, as an argument of the driver's.
struct Argument<'a> {
    field: &'a [u8],
    oid: u32,
}

impl sqlx::Type<Postgres> for Argument<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl sqlx::Encode<'_, Postgres> for Argument<'_> {
    fn encode_by_ref(&self, out: &mut PgArgumentBuffer) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        match self.field.split_first_chunk::<4>() {
            Some((length, body)) if *length != [0xff; 4] => {
                out.extend_from_slice(body);
                Ok(sqlx::encode::IsNull::No)
            }
            _ => Ok(sqlx::encode::IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.oid)))
    }
}

/// Runs a prepared statement.
pub(crate) fn run<'c>(
    session: &'c mut Session,
    prepared: &Prepared,
    values: &Encoded,
) -> BoxStream<'c, Result<Either<PgQueryResult, PgRow>, sqlx::Error>> {
    match values.arguments(prepared) {
        Ok(arguments) => {
            let query = sqlx::query_with(AssertSqlSafe(Arc::clone(&prepared.sql)), arguments);
            session.conn.fetch_many(query)
        }
        Err(error) => stream::once(ready(Err(error))).boxed(),
    }
}

/// So many literals are written by one statement: a result has 1,664 columns at most.
pub(crate) const LITERALS: usize = 800;

/// Has the server write the values of a prepared statement as literals of their types, for statements that take no
/// parameters. It takes a transaction.
///
/// `format` asks a type's output function, whose text the input function reads as the same value; a cast to text would
/// drop the blanks of a `char(n)`.
pub(crate) async fn literals(
    session: &mut Session,
    prepared: &Prepared,
    values: &Encoded,
) -> Result<Vec<String>, sqlx::Error> {
    let (style, literals) = literals_of(session, values.len(), values.arguments(prepared)?).await?;
    if style.starts_with("ISO") {
        return Ok(literals);
    }
    // Other styles write zones by abbreviations, which may be read as another place's.
    simple(session, "SAVEPOINT pgrepo_literals; SET LOCAL DateStyle TO ISO").await?;
    let (_, literals) = literals_of(session, values.len(), values.arguments(prepared)?).await?;
    simple(session, "ROLLBACK TO SAVEPOINT pgrepo_literals; RELEASE SAVEPOINT pgrepo_literals").await?;
    Ok(literals)
}

/// The session's style of dates, and the values as literals in it.
async fn literals_of(
    session: &mut Session,
    count: usize,
    arguments: PgArguments,
) -> Result<(String, Vec<String>), sqlx::Error> {
    let columns = (1..=count).map(|n| {
        // With the modifier -1, since CHARACTER without any is CHARACTER(1).
        format!(
            ", pg_catalog.format('%L', ${n}), \
             pg_catalog.format_type(pg_catalog.pg_typeof(${n})::pg_catalog.oid, -1)"
        )
    });
    let sql = format!("SELECT pg_catalog.current_setting('DateStyle'){}", columns.collect::<String>());
    // Not kept: the same text is of other types the next time.
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    let row = answered(session.answer_limit, query.fetch_one(&mut session.conn)).await?;
    let literal = |n: usize| -> Result<String, sqlx::Error> {
        let (text, ty): (String, String) = (row.try_get(2 * n + 1)?, row.try_get(2 * n + 2)?);
        Ok(format!("CAST({text} AS {ty})"))
    };
    Ok((row.try_get(0)?, (0..count).map(literal).collect::<Result<_, _>>()?))
}

/// Whether values that were encoded for some types go for others as they are: for those of the same names that were
/// made anew. An array holds the number of its elements' type, so it does not.
pub(crate) fn same_encoding(then: &[TypeInfo], now: &[TypeInfo]) -> bool {
    let same = |a: &TypeInfo, b: &TypeInfo| {
        a == b || (a.element().is_none() && (a.name(), a.schema(), a.kind()) == (b.name(), b.schema(), b.kind()))
    };
    then.len() == now.len() && then.iter().zip(now).all(|(a, b)| same(a, b))
}

/// Runs one or more statements by the simple protocol, and returns their rows, whose values are text.
pub(crate) async fn simple(session: &mut Session, sql: &str) -> Result<Vec<PgRow>, sqlx::Error> {
    answered(session.answer_limit, sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut session.conn)).await
}

/// Runs one or more statements by the simple protocol, and returns how many rows they affected.
pub(crate) async fn affected(session: &mut Session, sql: &str) -> Result<u64, sqlx::Error> {
    let done = answered(session.answer_limit, sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut session.conn)).await?;
    Ok(done.rows_affected())
}

/// Runs a statement without parameters that is not worth keeping; its values are binary.
pub(crate) fn once<'c>(
    session: &'c mut Session,
    sql: &str,
) -> BoxStream<'c, Result<Either<PgQueryResult, PgRow>, sqlx::Error>> {
    session.conn.fetch_many(sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false))
}

/// Runs statements by the simple protocol, and throws their rows away as they come.
pub(crate) async fn script(session: &mut Session, sql: &str) -> Result<(), sqlx::Error> {
    answered(session.answer_limit, script_on(&mut session.conn, sql)).await
}

/// [`script`] on a connection that is no session yet.
pub(super) async fn script_on(conn: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

/// Waits for what the server has to answer, if there is a limit no longer than that: the server keeps a limit of its own,
/// but its word of that does not arrive either when the network is silent.
pub(crate) async fn answered<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match limit {
        Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| Err(unanswered(limit))),
        None => work.await,
    }
}

/// [`answered`] for the next item of a stream.
pub(crate) async fn answered_next<T>(
    limit: Option<Duration>,
    items: &mut BoxStream<'_, Result<T, sqlx::Error>>,
) -> Option<Result<T, sqlx::Error>> {
    match limit {
        Some(limit) => timeout(limit, items.next()).await.unwrap_or_else(|_| Some(Err(unanswered(limit)))),
        None => items.next().await,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the server did not answer within {0:?}: statement_timeout, and a second for the way")]
struct Unanswered(Duration);

fn unanswered(limit: Duration) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, Unanswered(limit)))
}

/// Whether the session is at rest and usable after this error: the server refused, and did not end the session.
pub(crate) fn at_rest(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(e) => e
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|e| !matches!(e.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        _ => false,
    }
}

/// Whether the socket, in plain text, did not take all that was to be sent: the server has closed it, and of an operation it
/// needs the last byte.
///
/// The driver writes what an operation has to say before it reads, and at its end stands the Sync, the COMMIT or the
/// end of the COPY, without which nothing takes effect.
pub(super) fn is_unsent(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether a statement failed because what was prepared no longer fits the schema.
pub(crate) fn is_stale(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else { return false };
    crate::error::is_stale(error.code(), error.routine(), error.message())
}

/// The driver's error as ours: the kind by its SQLSTATE, the cause behind it.
pub(crate) fn error(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(e) => match e.try_downcast::<PgDatabaseError>() {
            Ok(e) => of_server(server_error(&e)),
            Err(e) => Error::new(ErrorKind::Query, "the server refused").caused_by(e.into_error()),
        },
        sqlx::Error::Io(e) if e.get_ref().is_some_and(|e| e.is::<Unanswered>()) => {
            Error::new(ErrorKind::Timeout, "the deadline of a statement passed").caused_by(e)
        }
        sqlx::Error::Io(e) => Error::new(ErrorKind::Connection, "the connection broke").caused_by(e),
        e @ (sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => {
            Error::new(ErrorKind::Connection, "the connection cannot be used any more").caused_by(e)
        }
        e @ sqlx::Error::Configuration(_) => Error::new(ErrorKind::Config, "the driver refused a setting").caused_by(e),
        e => Error::new(ErrorKind::Query, "the driver failed").caused_by(e),
    }
}

fn of_server(server: ServerError) -> Error {
    let state = server.sqlstate();
    let kind = match (state.as_str(), state.class()) {
        ("57014" | "55P03" | "25P03", _) => ErrorKind::Timeout,
        ("57P01" | "57P02" | "57P03" | "57P05", _) | (_, SqlClass::Connection | SqlClass::Authorization) => {
            ErrorKind::Connection
        }
        ("53300", _) => ErrorKind::Connection,
        (_, SqlClass::TransactionRollback | SqlClass::TransactionState) => ErrorKind::Transaction,
        _ => ErrorKind::Query,
    };
    let message = match state.as_str() {
        "57014" => "the statement was cancelled, by its timeout or on request",
        "55P03" => "a lock was not available in time",
        "53300" => "the server has no connection left for this role or at all",
        "40001" => "the transaction could not be serialised with others and was rolled back",
        "40P01" => "the transaction was rolled back to end a deadlock",
        "42P01" => "the server finds no such table in the schema named, or without one in its search_path",
        "42703" => "the server finds no such column",
        "42501" => "the role lacks a privilege for this",
        "25006" => "nothing can be written here: the transaction is read only, or the server is a standby",
        "25P02" => "the transaction was aborted by an earlier error",
        _ => "the server refused",
    };
    Error::new(kind, message).caused_by(server)
}

fn server_error(e: &PgDatabaseError) -> ServerError {
    let own = |text: Option<&str>| text.map(str::to_owned);
    ServerError(Box::new(ServerFields {
        severity: format!("{:?}", e.severity()).to_uppercase(),
        state: SqlState::new(e.code()),
        message: e.message().to_owned(),
        detail: own(e.detail()),
        hint: own(e.hint()),
        context: own(e.r#where()),
        schema: own(e.schema()),
        table: own(e.table()),
        column: own(e.column()),
        data_type: own(e.data_type()),
        constraint: own(e.constraint()),
        routine: own(e.routine()),
        position: match e.position() {
            Some(sqlx::postgres::PgErrorPosition::Original(at)) => Some(at),
            _ => None,
        },
    }))
}
