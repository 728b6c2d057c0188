//! Which rows seem to violate a foreign key: found for many rows by one query.
//!
//! The server checks foreign keys behind the last row of a COPY and names none, only a key. So the columns of the key are
//! copied into a temporary table, whose rows are compared with the other table, and where a table refers to itself with
//! each other, over and over: what refers to a bad row is bad too. The savepoint's rollback takes the temporary table away.

use crate::copy::catalog::{Target, text};
use crate::copy::feed::Unfed;
use crate::copy::frame;
use crate::error::{Error, ErrorKind};
use crate::pool::{Session, driver};
use crate::table::{WriteRow, literal, quote_ident};

use super::answer::Sent;
use super::columns::Columns;
use super::feed::{CopyInto, send_again};

const STAGE: &str = "pg_temp.pgrepo_suspects";

/// A foreign key as the catalog describes it.
struct ForeignKey {
    /// The table that it refers to, quoted.
    parent: String,
    /// Whether NULL is allowed in all of its columns or in none of them.
    full: bool,
    /// Whether rows of the load may refer to each other.
    own: bool,
    /// The referring column, the one that it refers to, and the operator that they are compared by.
    pairs: Vec<(String, String, String)>,
}

/// Whether the bad rows are searched without the query where it was refused so: there is no privilege for a temporary table,
/// or to read the other one (42501), a table has the name of ours (42P07), or the server does not support it (0A000).
pub(super) fn can_be_missed(error: &Error) -> bool {
    error.sqlstate().is_some_and(|state| matches!(state.as_str(), "42501" | "42P07" | "0A000"))
}

/// The places of the suspects among the rows.
pub(super) async fn find<'r, R: WriteRow + 'r>(
    session: &mut Session,
    backend: i32,
    target: &Target,
    columns: &Columns,
    rows: impl Iterator<Item = &'r (u64, R)>,
    error: &Error,
) -> Result<Vec<usize>, Unfed> {
    let Some(mut key) = ForeignKey::read(session, target, error).await? else { return Ok(Vec::new()) };
    let mut marks = vec![false; columns.marks.len()];
    let mut mark = |name: &str| {
        let found = R::COLUMNS.iter().position(|meta| meta.spec.name == *name);
        let sent = found.filter(|place| columns.marks.get(*place).copied().unwrap_or(false));
        if let Some(mark) = sent.and_then(|place| marks.get_mut(place)) {
            *mark = true;
        }
        sent.is_some()
    };
    if !key.pairs.iter().all(|(column, ..)| mark(column)) {
        return Ok(Vec::new());
    }
    // Rows that the server numbers cannot refer to each other by these numbers.
    key.own = key.own && key.pairs.iter().all(|(_, other, _)| mark(other));
    let sent = R::COLUMNS.iter().zip(&columns.marks).zip(&marks).filter(|((_, sent), _)| **sent);
    let (names, types): (Vec<_>, Vec<_>) = sent
        .zip(&columns.types)
        .filter(|(((_, _), staged), _)| **staged)
        .map(|(((meta, _), _), ty)| (quote_ident(&meta.spec.name.to_string()), ty.clone()))
        .unzip();
    let names = names.join(", ");
    let stage = format!(
        "CREATE TEMPORARY TABLE pgrepo_suspects AS SELECT {names} FROM {} WITH NO DATA; \
         ALTER TABLE {STAGE} ADD pgrepo_nth int8 GENERATED ALWAYS AS IDENTITY",
        target.quoted
    );
    driver::simple(session, &stage).await?;
    let copy = format!("COPY {STAGE} ({names}) FROM STDIN (FORMAT binary)");
    let encode = |_, row: &R, out: &mut Vec<u8>| {
        let encoded = frame::encode_marked(row, &marks, &types, out);
        encoded.map_err(|e| Error::new(ErrorKind::Encode, "the key cannot be sent").caused_by(e))
    };
    let into = CopyInto { sql: &copy, backend };
    match send_again(session, into, rows, encode, &mut Vec::new(), &mut 0).await {
        Sent::Ended(Ok(_)) => {}
        Sent::Ended(Err(error)) => return Err(error),
        Sent::Unsendable { .. } | Sent::Cut { .. } => return Ok(Vec::new()),
    }
    let delete = key.delete();
    let mut found = Vec::new();
    loop {
        let bad = driver::simple(session, &delete).await?;
        let nths = bad.iter().filter_map(|row| text(row, 0).ok()?.parse::<usize>().ok()?.checked_sub(1));
        let before = found.len();
        found.extend(nths);
        if found.len() == before || !key.own {
            break;
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl ForeignKey {
    /// Reads the one that the error names. One on periods compares more than keys, and is left out.
    async fn read(session: &mut Session, target: &Target, error: &Error) -> Result<Option<Self>, sqlx::Error> {
        let Some(server) = error.server() else { return Ok(None) };
        let (Some(schema), Some(table), Some(constraint)) = (server.schema(), server.table(), server.constraint())
        else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT pg_catalog.quote_ident(fn.nspname) || '.' || pg_catalog.quote_ident(f.relname), k.confmatchtype, \
             k.confrelid IN (k.conrelid, {}::pg_catalog.regclass), a.attname, b.attname, 'OPERATOR(' || pg_catalog.quote_ident(opn.nspname) || '.' || o.oprname || ')' \
             FROM pg_catalog.pg_constraint k \
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
             CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), \
             pg_catalog.unnest(k.conpfeqop)) WITH ORDINALITY u(own, other, operator, nth) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own \
             JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.other \
             JOIN pg_catalog.pg_operator o ON o.oid = u.operator \
             JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace \
             WHERE k.contype = 'f' AND n.nspname = {} AND c.relname = {} AND k.conname = {} \
             AND NOT coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::bool, false) ORDER BY u.nth",
            target.literal(),
            literal(schema),
            literal(table),
            literal(constraint)
        );
        let rows = driver::simple(session, &sql).await?;
        let read = || -> crate::Result<Option<Self>> {
            let Some(first) = rows.first() else { return Ok(None) };
            let pair = |row| Ok((text(row, 3)?, text(row, 4)?, text(row, 5)?));
            Ok(Some(Self {
                parent: text(first, 0)?,
                full: text(first, 1)? == "f",
                own: text(first, 2)? == "t",
                pairs: rows.iter().map(pair).collect::<crate::Result<_>>()?,
            }))
        };
        Ok(read().ok().flatten())
    }

    /// Deletes the staged rows that violate it, and returns their numbers.
    fn delete(&self) -> String {
        let null = |all: &str| {
            self.pairs.iter().map(|(own, ..)| format!("s.{} IS {all}", quote_ident(own))).collect::<Vec<_>>()
        };
        let asks = match self.full {
            true => format!("NOT ({})", null("NULL").join(" AND ")),
            false => null("NOT NULL").join(" AND "),
        };
        let missing = |table: &str| {
            let equal = |(own, other, operator): &(String, String, String)| {
                format!("p.{} {operator} s.{}", quote_ident(other), quote_ident(own))
            };
            let all = self.pairs.iter().map(equal).collect::<Vec<_>>().join(" AND ");
            format!(" AND NOT EXISTS (SELECT FROM {table} p WHERE {all})")
        };
        let among = if self.own { missing(STAGE) } else { String::new() };
        format!("DELETE FROM {STAGE} s WHERE {asks}{}{among} RETURNING s.pgrepo_nth", missing(&self.parent))
    }
}
