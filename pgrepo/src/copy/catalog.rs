//! What the table really looks like, read under the lock that the COPY holds.

use std::collections::HashMap;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Column, Row, ValueRef};

use crate::driver_row::{FIRST_OWN, type_info};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Session, driver};
use crate::table::{Description, Made, RowType, TableColumn, TableName, literal, quote_ident};
use crate::tx::TxId;
use crate::value::{TypeInfo, TypeKind};

use super::bounds::Bounds;
use super::kind::{self, Kind};

/// What a COPY does with its table, which says how it locks that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    Read,
    Write,
    /// It empties it first.
    Replace,
    /// None into it: its rows go through another table, and from there by statements.
    Merge,
}

impl Lock {
    fn mode(self) -> &'static str {
        match self {
            Self::Read => "ACCESS SHARE",
            Self::Write | Self::Merge => "ROW EXCLUSIVE",
            Self::Replace => "ACCESS EXCLUSIVE",
        }
    }

    fn writes(self) -> bool {
        self != Self::Read
    }

    /// Whether rows are copied into the table itself, which not all take that take rows.
    fn copies(self) -> bool {
        matches!(self, Self::Write | Self::Replace)
    }

    /// What is sent behind the description: nothing is read while rows are sent, so what the server says of them, such as
    /// a trigger's notices, would fill the connection until neither side goes on. Its INFO is said all the same, which a
    /// lookout sees.
    fn silence(self) -> &'static str {
        if self.writes() { "; SET LOCAL client_min_messages TO error" } else { "" }
    }
}

/// A table that is locked and fits.
pub(super) struct Looked<T> {
    /// What the check returned.
    pub(super) checked: T,
    /// The transaction's number, if the bounds ask for it.
    pub(super) number: Option<TxId>,
    /// The server's process that serves this transaction.
    pub(super) backend: i32,
    /// From which level on the server says what it has to, before the load.
    pub(super) said: String,
}

/// The table of a COPY: its name quoted for SQL, and as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) quoted: String,
    pub(crate) shown: String,
}

impl Target {
    pub(crate) fn new(table: TableName<'_>) -> Self {
        Self { name: table.name.to_owned(), quoted: table.quoted(), shown: table.to_string() }
    }

    /// The binary COPY into columns that are named at run time.
    pub(crate) fn copy_in(&self, columns: &[&str]) -> String {
        let columns = columns.iter().map(|c| quote_ident(c)).collect::<Vec<_>>().join(", ");
        format!("COPY {} ({columns}) FROM STDIN (FORMAT binary)", self.quoted)
    }

    /// Opens a COPY: locks the table against changes of its columns, describes them and their types, and checks them.
    ///
    /// The outer error leaves the session wherever it is; after the inner one it is at rest, and what the bounds open is
    /// open.
    pub(super) async fn look<T>(
        &self,
        session: &mut Session,
        bounds: &Bounds,
        lock: Lock,
        check: &(dyn Fn(&Description) -> Result<T> + Send + Sync),
    ) -> Result<Result<Looked<T>>, sqlx::Error> {
        let Bounds { open, number, .. } = bounds;
        let describe = self.columns(number);
        let locked =
            format!("{open}; LOCK TABLE ONLY {} IN {} MODE; {describe}{}", self.quoted, lock.mode(), lock.silence());
        let (rows, foreign) = match driver::simple(session, &locked).await {
            Ok(rows) => (rows, false),
            Err(error) if lock.writes() && kind::is_no_table(&error) => {
                match self.lock_foreign(session, bounds).await? {
                    Ok(rows) => (rows, true),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Err(error) => return Err(error),
        };
        let columns = match rows.iter().map(RawColumn::read).collect::<Result<Vec<_>>>() {
            Ok(columns) => columns,
            Err(error) => return Ok(Err(error)),
        };
        if lock.copies()
            && let Some(first) = columns.first()
        {
            let takes = match first.kind.takes_rows() {
                Err(error) => Err(error),
                // A view, of which COPY would say so after the first byte only.
                Ok(false) if !foreign => kind::written_by_trigger(&driver::simple(session, &self.trigger()).await?),
                Ok(_) => Ok(()),
            };
            if let Err(error) = takes {
                return Ok(Err(error));
            }
        }
        let (backend, said) = columns.first().map_or((0, ""), |column| (column.backend, &*column.said));
        let number = match columns.first().map(|column| &*column.number) {
            None | Some("") => None,
            Some(number) => match number.parse() {
                Ok(number) => Some(number),
                Err(error) => return Ok(Err(error)),
            },
        };
        let mut now = None;
        if columns.first().is_some_and(|c| c.old_view) && !bounds.own {
            // The transaction may have taken its view of the catalog before the lock; a result's columns are never
            // those of a view.
            let one = format!("SELECT t.* FROM (SELECT) AS one LEFT JOIN {} AS t ON false", self.quoted);
            now = Some(driver::simple(session, &one).await?);
        }
        let table = |types: &HashMap<u32, TypeInfo>| {
            let mut table = Description { columns: columns.iter().map(|c| c.typed(types)).collect() };
            if let Some(rows) = &now {
                let now = rows.first().map(PgRow::columns).unwrap_or_default();
                table.renew(&now.iter().map(|c| (c.name(), type_info(c.type_info()))).collect::<Vec<_>>());
            }
            table
        };
        // A type keeps its OID and what it is made of: what this session was told once passes for now. A refusal is
        // believed only of what is told now, since a type may have been renamed.
        if columns.iter().all(|column| session.types.contains_key(&column.ty))
            && let Ok(checked) = check(&table(&session.types))
        {
            return Ok(Ok(Looked { checked, number, backend, said: said.to_owned() }));
        }
        let rows = driver::simple(session, &self.types()).await?;
        Ok(read_types(&rows).and_then(|types| {
            session.types.extend(types);
            Ok(Looked { checked: check(&table(&session.types))?, number, backend, said: said.to_owned() })
        }))
    }

    /// What LOCK TABLE refuses: a foreign table is locked by another statement and described, of the rest is said what it
    /// is.
    async fn lock_foreign(&self, session: &mut Session, bounds: &Bounds) -> Result<Result<Vec<PgRow>>, sqlx::Error> {
        let Bounds { undo, open, number, .. } = bounds;
        let kind = format!(
            "{undo}; {open}; SELECT relkind FROM pg_catalog.pg_class WHERE oid = {}::pg_catalog.regclass",
            self.literal()
        );
        let rows = driver::simple(session, &kind).await?;
        match rows.first().map_or(Ok(String::new()), |row| text(row, 0)) {
            Ok(kind) if kind == "f" => {}
            Ok(kind) => return Ok(Err(kind::no_table(&kind))),
            Err(error) => return Ok(Err(error)),
        }
        // An INSERT that is explained locks as one that is run, and a wrapper that only reads refuses it.
        driver::simple(session, &format!("EXPLAIN INSERT INTO {} DEFAULT VALUES", self.quoted)).await?;
        let describe = format!("{}{}", self.columns(number), Lock::Write.silence());
        driver::simple(session, &describe).await.map(Ok)
    }

    /// Whether a view has a trigger that writes its rows.
    fn trigger(&self) -> String {
        format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {}::pg_catalog.regclass \
             AND tgtype & {TRIGGER} = {TRIGGER})",
            self.literal(),
            TRIGGER = kind::INSTEAD_OF_INSERT
        )
    }

    /// Describes the type of the table's rows, without a lock: what is made of it must stand being out of date.
    ///
    /// The outer error leaves the session wherever it is; after the inner one it is at rest.
    pub(crate) async fn row_type(&self, session: &mut Session) -> Result<Result<RowType>, sqlx::Error> {
        let name = format!(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {}::pg_catalog.regclass",
            self.literal()
        );
        let named = driver::simple(session, &name).await?;
        let columns = driver::simple(session, &self.columns("NULL")).await?;
        let types = driver::simple(session, &self.types()).await?;
        Ok(read_types(&types).and_then(|types| {
            session.types.extend(types);
            let raw = columns.iter().map(RawColumn::read).collect::<Result<Vec<_>>>()?;
            let table = Description { columns: raw.iter().map(|c| c.typed(&session.types)).collect() };
            let gone = || Error::new(ErrorKind::Mismatch, "the table is gone");
            let row = named.first().ok_or_else(gone)?;
            let (schema, name) = (text(row, 0)?, text(row, 1)?);
            Ok(RowType { name: TableName::from((&*schema, &*name)).quoted(), table })
        }))
    }

    /// One message of the simple protocol: nothing is prepared, so nothing of it can be stale.
    fn columns(&self, number: &str) -> String {
        let table = self.literal();
        format!(
            "SELECT a.attname, a.atttypid, a.attgenerated, a.attidentity, a.atthasdef OR a.atttypid >= {FIRST_OWN} \
             AND (SELECT d.typdefault IS NOT NULL FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid), \
             pg_catalog.current_setting('transaction_isolation'), {number}, {kind}, pg_catalog.pg_backend_pid(), \
             pg_catalog.current_setting('client_min_messages') \
             FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = {table}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            kind = Kind::sql(&table),
        )
    }

    /// The columns' types, and those that they are made of.
    fn types(&self) -> String {
        format!(
            "WITH RECURSIVE reached AS ( \
             SELECT atttypid AS oid FROM pg_catalog.pg_attribute \
             WHERE attrelid = {}::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped \
             UNION SELECT u.oid FROM reached r JOIN pg_catalog.pg_type t ON t.oid = r.oid \
             CROSS JOIN LATERAL (VALUES (t.typbasetype), (CASE WHEN t.typlen = -1 THEN t.typelem ELSE 0 END)) u(oid) \
             WHERE u.oid <> 0) \
             SELECT t.oid, t.typname, n.nspname, t.typbasetype, \
             CASE WHEN t.typlen = -1 THEN t.typelem ELSE 0 END, t.typtype \
             FROM reached r JOIN pg_catalog.pg_type t ON t.oid = r.oid \
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace",
            self.literal()
        )
    }

    /// The quoted name as a text.
    pub(super) fn literal(&self) -> String {
        literal(&self.quoted)
    }
}

/// A column as [`Target::columns`] shows it.
struct RawColumn {
    name: String,
    ty: u32,
    generated: String,
    identity: String,
    /// Whether the column, or the domain that it is of, has a default.
    default: bool,
    /// Whether the transaction sees one state of the catalog from its beginning to its end.
    old_view: bool,
    /// The transaction's number, or nothing.
    number: String,
    kind: Kind,
    /// The process that serves the session.
    backend: i32,
    /// From which level on it says what it has to.
    said: String,
}

impl RawColumn {
    fn read(row: &PgRow) -> Result<Self> {
        Ok(Self {
            name: text(row, 0)?,
            ty: number(row, 1)?,
            generated: text(row, 2)?,
            identity: text(row, 3)?,
            default: flag(row, 4)?,
            old_view: matches!(&*text(row, 5)?, "repeatable read" | "serializable"),
            number: text(row, 6)?,
            kind: Kind::read(&text(row, 7)?),
            backend: number(row, 8)?,
            said: text(row, 9)?,
        })
    }

    fn typed(&self, types: &HashMap<u32, TypeInfo>) -> TableColumn {
        let made = match (&*self.generated, &*self.identity) {
            ("", "") if self.default => Made::Default,
            ("", "") => Made::Plain,
            ("", "a") => Made::Always,
            ("", _) => Made::Default,
            _ => Made::Generated,
        };
        TableColumn { name: self.name.clone(), ty: types.get(&self.ty).cloned().unwrap_or(TypeInfo::UNKNOWN), made }
    }
}

/// A type as [`Target::types`] shows it.
struct RawType {
    name: String,
    schema: String,
    base: u32,
    element: u32,
    is_enum: bool,
}

fn read_types(rows: &[PgRow]) -> Result<HashMap<u32, TypeInfo>> {
    let mut types = HashMap::new();
    for row in rows {
        let raw = RawType {
            name: text(row, 1)?,
            schema: text(row, 2)?,
            base: number(row, 3)?,
            element: number(row, 4)?,
            is_enum: text(row, 5)? == "e",
        };
        types.insert(number(row, 0)?, raw);
    }
    Ok(types.keys().map(|oid| (*oid, resolve(*oid, &types, 0))).collect())
}

fn resolve(oid: u32, types: &HashMap<u32, RawType>, depth: u32) -> TypeInfo {
    // The catalog holds no circle; the depth guards against one all the same.
    let Some(raw) = types.get(&oid).filter(|_| depth < 32) else { return TypeInfo::UNKNOWN };
    let inner = |oid| Arc::new(resolve(oid, types, depth + 1));
    if raw.base != 0 {
        return TypeInfo::new(oid, raw.name.clone(), TypeKind::Domain(inner(raw.base))).with_schema(raw.schema.clone());
    }
    if raw.element != 0 {
        let element = inner(raw.element);
        let name = format!("{}[]", element.name());
        return TypeInfo::new(oid, name, TypeKind::Array(element)).with_schema(raw.schema.clone());
    }
    let kind = if raw.is_enum { TypeKind::Enum } else { TypeKind::Plain };
    TypeInfo::new(oid, raw.name.clone(), kind).with_schema(raw.schema.clone())
}

pub(super) fn text(row: &PgRow, index: usize) -> Result<String> {
    let unreadable =
        |e: sqlx::error::BoxDynError| Error::new(ErrorKind::Decode, "the catalog's answer cannot be read").caused_by(e);
    let value = row.try_get_raw(index).map_err(|e| unreadable(e.into()))?;
    if value.is_null() { Ok(String::new()) } else { Ok(value.as_str().map_err(unreadable)?.to_owned()) }
}

pub(super) fn flag(row: &PgRow, index: usize) -> Result<bool> {
    Ok(text(row, index)? == "t")
}

pub(super) fn number<N: FromStr<Err = ParseIntError>>(row: &PgRow, index: usize) -> Result<N> {
    text(row, index)?
        .parse()
        .map_err(|e| Error::new(ErrorKind::Decode, "the catalog's answer cannot be read").caused_by(e))
}
