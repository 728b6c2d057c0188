//! Many rows as one parameter: an array of the table's own row type, in binary.
//!
//! The statement's text depends on the table alone, whatever the number of rows, and arrays, enums and domains need no
//! treatment of their own. What the session was told of the table may be out of date and does no harm: the server
//! compares the number and the types of all columns (`record_recv`), and the statement takes them by their places, so
//! a value goes into the column that it was made for, or nowhere.

use std::sync::Arc;

use crate::copy::{Target, frame};
use crate::error::{Error, ErrorKind, Result, SqlClass};
use crate::pool::{Encoded, Handle, Lease, Values};
use crate::table::{Description, FromRow, Name, Place, RowType, WriteRow};
use crate::value::{TypeInfo, TypeKind, ValueError, ValueErrorKind, encode_sized, take_field};

use super::run::open_on;
use super::written::unsendable;
use super::{Run, Text};

/// Past so many bytes rows are loaded by COPY, however few they are.
const LARGE: usize = 1 << 20;

/// Inserts a few rows by one statement, and returns their number; `None`, and nothing was sent, where COPY is the way.
pub(crate) async fn insert_many<H, R>(on: H, place: &Place, operation: &'static str, rows: &[R]) -> Result<Option<u64>>
where
    H: Handle,
    R: WriteRow + Sync,
{
    let Some(first) = rows.first() else { return Ok(None) };
    let statement = Statement { place, operation, first, rows, before: 0, way: Way::Few };
    Ok(statement.execute(on).await?.map(|(count, _)| count))
}

/// Inserts some of many rows by one statement, where COPY is no way, and returns their number: those behind the `before`
/// first, all of which send the columns that `first` sends.
pub(crate) async fn insert_part<H, R>(
    on: H,
    place: &Place,
    operation: &'static str,
    first: &R,
    before: u64,
    rows: &[R],
) -> Result<u64>
where
    H: Handle,
    R: WriteRow + Sync,
{
    let statement = Statement { place, operation, first, rows, before, way: Way::Part };
    match statement.execute(on).await? {
        Some((count, _)) => Ok(count),
        // A load of such rows is refused before it asks for the policies.
        None => Err(Error::new(ErrorKind::Mismatch, "the rows send no column").during(operation)),
    }
}

/// Inserts the rows that are not in conflict with others on the set's columns, and says of each whether it was new.
pub(crate) async fn insert_many_new<H, R>(
    on: H,
    place: &Place,
    operation: &'static str,
    set: &[Name],
    rows: &[R],
) -> Result<Vec<bool>>
where
    H: Handle,
    R: WriteRow + Sync,
{
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let statement = Statement { place, operation, first, rows, before: 0, way: Way::New(set) };
    Ok(statement.execute(on).await?.map(|(_, new)| new).unwrap_or_default())
}

struct Statement<'a, R> {
    place: &'a Place,
    operation: &'static str,
    /// The row that decides on the columns.
    first: &'a R,
    rows: &'a [R],
    /// How many rows went before these.
    before: u64,
    way: Way<'a>,
}

/// What the statement is for.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Few rows, unless COPY serves them better.
    Few,
    /// Some of many rows, in a transaction with the others.
    Part,
    /// Rows that are left out where they are in conflict on these columns.
    New(&'a [Name]),
}

impl<'a> Way<'a> {
    fn set(self) -> Option<&'a [Name]> {
        match self {
            Self::New(set) => Some(set),
            Self::Few | Self::Part => None,
        }
    }

    fn may_copy(self) -> bool {
        matches!(self, Self::Few)
    }
}

impl<R: WriteRow + Sync> Statement<'_, R> {
    async fn execute<H: Handle>(&self, mut on: H) -> Result<Option<(u64, Vec<bool>)>> {
        let mut marks = frame::sent(self.first).map_err(|e| unsendable(R::COLUMNS, e).at_row(0))?;
        for (mark, meta) in marks.iter_mut().zip(R::COLUMNS) {
            *mark &= !meta.spec.identity;
        }
        self.sends_set(&marks)?;
        if !marks.contains(&true) {
            return Ok(None);
        }
        // In a transaction a refusal is the end: what the session was told before is not tried by the first of many rows.
        let mut anew = matches!(self.way, Way::Part) && self.before == 0;
        loop {
            match self.attempt(on.reborrow(), &marks, anew).await {
                // What the session was told before is believed only when the server agrees. The statement had no effect.
                Err(error) if !anew && doubtful(&error) => {
                    anew = true;
                    if H::IN_TRANSACTION && error.server().is_some() {
                        self.forget(on).await?;
                        return Err(error.during(self.operation));
                    }
                }
                ended => return ended.map_err(|e| e.during(self.operation)),
            }
        }
    }

    fn sends_set(&self, marks: &[bool]) -> Result<()> {
        let sent = |name: &Name| R::COLUMNS.iter().zip(marks).any(|(meta, sent)| *sent && meta.spec.name == *name);
        match self.way.set().unwrap_or_default().iter().find(|name| !sent(name)) {
            None => Ok(()),
            Some(name) => {
                let message = "the rows do not write this column of the set that they may be in conflict on: use a row \
                               type that has it, or another set";
                Err(Error::new(ErrorKind::Mismatch, message).at_column(name).during(self.operation))
            }
        }
    }

    async fn attempt<H: Handle>(&self, on: H, marks: &[bool], anew: bool) -> Result<Option<(u64, Vec<bool>)>> {
        let mut lease = on.lend().lease().await?;
        let row_type = self.row_type(&mut lease, anew).await?;
        let types = row_type.table.fit_row(R::COLUMNS, marks)?;
        let places = Places::of::<R>(&row_type.table, marks);
        if self.way.may_copy() && places.leaves_a_domain(&row_type.table) {
            return Ok(None);
        }
        let batch = self.encode(&row_type.table, &places, marks, &types)?;
        if self.way.may_copy() && batch.elements.len() > LARGE {
            return Ok(None);
        }
        let text = match self.way.set() {
            None => self.insert(&row_type, &places, marks),
            Some(set) => self.insert_new(&row_type, &places, marks, set),
        };
        let fields = self.way.set().map(|_| <bool as FromRow>::FIELDS);
        let run = open_on(lease, self.operation, &text.sql, &batch, fields).await?;
        let mut run: Run<'_> = if matches!(self.way, Way::Part) { run.aside() } else { run };
        let mut new = Vec::new();
        let count = match self.way.set() {
            None => run.count().await?,
            Some(_) => {
                run.each::<bool>(&mut |is_new| {
                    new.push(is_new);
                    Ok(())
                })
                .await?
            }
        };
        Ok(Some((count, new)))
    }

    /// The table's name where it is looked for.
    fn key(&self, lease: &Lease<'_>) -> String {
        let scope = lease.session().filter(|_| lease.in_transaction()).map_or("", |session| &session.scope);
        format!("{scope}.{}", self.place.quoted())
    }

    /// The type of the table's rows, as the session was told before or is now.
    async fn row_type(&self, lease: &mut Lease<'_>, anew: bool) -> Result<Arc<RowType>> {
        let key = self.key(lease);
        let mut step = lease.step()?;
        if let Some(known) = step.session().row_types.get(&key).filter(|_| !anew).cloned() {
            step.done();
            return Ok(known);
        }
        let told = Target::new(self.place.name()).row_type(step.session()).await;
        let told = match told {
            Ok(Ok(told)) => Arc::new(told),
            Ok(Err(error)) => {
                step.done();
                return Err(error);
            }
            Err(error) => return step.settle(Err(error)),
        };
        let session = step.session();
        if session.row_types.len() >= session.statement_cache {
            session.row_types.clear();
        }
        session.row_types.insert(key, Arc::clone(&told));
        step.done();
        Ok(told)
    }

    async fn forget<H: Handle>(&self, on: H) -> Result<()> {
        let mut lease = on.lend().lease().await?;
        let key = self.key(&lease);
        let mut step = lease.step()?;
        step.session().row_types.remove(&key);
        step.done();
        Ok(())
    }

    fn encode(&self, table: &Description, places: &Places, marks: &[bool], types: &[TypeInfo]) -> Result<Batch> {
        let mut batch = Batch { count: self.rows.len(), elements: Vec::new() };
        let mut tuple = Vec::new();
        for (index, row) in (self.before..).zip(self.rows) {
            tuple.clear();
            frame::encode_marked(row, marks, types, &mut tuple).map_err(|e| unsendable(R::COLUMNS, e).at_row(index))?;
            encode_sized(&mut batch.elements, |out| places.record(table, &tuple, out)).map_err(|e| {
                let message = "the row cannot be sent, so nothing is stored";
                Error::new(ErrorKind::Encode, message).at_row(index).caused_by(e)
            })?;
        }
        Ok(batch)
    }

    /// `INSERT INTO … (…) SELECT u.c1, … FROM unnest($1::…[]) AS u(c1, …)`
    fn insert(&self, row_type: &RowType, places: &Places, marks: &[bool]) -> Text<'_, '_> {
        let mut text = Text::new(format!("INSERT INTO {} (", self.place.quoted()));
        text.names(sent::<R>(marks));
        text.push(") SELECT ");
        text.push(&places.sent("u."));
        text.push(&format!(" FROM unnest($1::{}[]) AS u({})", row_type.name, places.all()));
        text
    }

    /// The same, without the rows that are in conflict; it returns of each row whether it was stored.
    ///
    /// Rows with the same values in the set's columns are a group, of which the first ones were stored: as many as
    /// the insert returned, which is one, or all where NULLs do not count as the same.
    fn insert_new(&self, row_type: &RowType, places: &Places, marks: &[bool], set: &[Name]) -> Text<'_, '_> {
        let keys: Vec<String> = (1..=set.len()).map(|i| format!("k{i}")).collect();
        let keys = keys.join(", ");
        let mut text = Text::new(format!(
            "WITH u AS MATERIALIZED (SELECT * FROM unnest($1::{}[]) WITH ORDINALITY AS u({}, n)), i AS (INSERT INTO {} (",
            row_type.name,
            places.all(),
            self.place.quoted()
        ));
        text.names(sent::<R>(marks));
        text.push(&format!(") SELECT {} FROM u ORDER BY u.n ON CONFLICT (", places.sent("u.")));
        text.names(set);
        text.push(") DO NOTHING RETURNING ");
        text.names(set);
        let of_set: Vec<String> = set.iter().filter_map(|name| places.column(&row_type.table, name)).collect();
        text.push(&format!(
            "), a(n, {keys}) AS (SELECT n, {} FROM u UNION ALL SELECT NULL, i.* FROM i) SELECT r.new FROM (SELECT n, \
             row_number() OVER (PARTITION BY {keys} ORDER BY n NULLS LAST) \
             <= count(*) FILTER (WHERE n IS NULL) OVER (PARTITION BY {keys}) AS new FROM a) AS r \
             WHERE r.n IS NOT NULL ORDER BY r.n",
            of_set.join(", ")
        ));
        text
    }
}

/// The columns that are sent.
fn sent<R: WriteRow>(marks: &[bool]) -> impl Iterator<Item = &'static Name> {
    R::COLUMNS.iter().zip(marks).filter(|(_, sent)| **sent).map(|(meta, _)| &meta.spec.name)
}

/// Whether an error may come from a description that is out of date.
fn doubtful(error: &Error) -> bool {
    error.kind() == ErrorKind::Mismatch
        || error.sqlstate().is_some_and(|s| s.class() == SqlClass::SyntaxOrAccess || s.as_str() == "XX000")
}

/// For each column of the table, which of the fields that are sent it takes.
struct Places(Vec<Option<usize>>);

impl Places {
    fn of<R: WriteRow>(table: &Description, marks: &[bool]) -> Self {
        let sent: Vec<&Name> = sent::<R>(marks).collect();
        Self(table.columns.iter().map(|column| sent.iter().position(|name| **name == *column.name.as_str())).collect())
    }

    /// Whether a column that is not sent is of a domain, which may refuse the NULL in its place.
    fn leaves_a_domain(&self, table: &Description) -> bool {
        let left = table.columns.iter().zip(&self.0).filter(|(_, field)| field.is_none());
        left.into_iter().any(|(column, _)| matches!(column.ty.kind(), TypeKind::Domain(_)))
    }

    /// Names for all columns, by their places.
    fn all(&self) -> String {
        let names: Vec<String> = (1..=self.0.len()).map(|i| format!("c{i}")).collect();
        names.join(", ")
    }

    /// The names of those that are sent, in the order of the row's fields.
    fn sent(&self, qualifier: &str) -> String {
        let mut sent: Vec<_> =
            self.0.iter().zip(1..).filter_map(|(field, i): (_, usize)| Some(((*field)?, i))).collect();
        sent.sort_unstable();
        let names: Vec<String> = sent.iter().map(|(_, i)| format!("{qualifier}c{i}")).collect();
        names.join(", ")
    }

    /// The name of one column.
    fn column(&self, table: &Description, name: &Name) -> Option<String> {
        table.columns.iter().position(|c| *name == *c.name.as_str()).map(|i| format!("c{}", i + 1))
    }

    /// Appends a row as a record: the number of columns, and for each its type and its field
    /// (`record_recv` in the server's `rowtypes.c`).
    fn record(&self, table: &Description, tuple: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut fields = Vec::new();
        let mut rest = tuple.get(2..).unwrap_or_default();
        while !rest.is_empty() {
            let before = rest;
            take_field(&mut rest)?;
            fields.push(before.get(..before.len() - rest.len()).unwrap_or_default());
        }
        let count = i32::try_from(table.columns.len()).map_err(|_| too_many(table.columns.len()))?;
        out.extend_from_slice(&count.to_be_bytes());
        for (column, field) in table.columns.iter().zip(&self.0) {
            out.extend_from_slice(&column.ty.oid().to_be_bytes());
            let field = field.and_then(|field| fields.get(field).copied());
            out.extend_from_slice(field.unwrap_or(&[0xff; 4]));
        }
        Ok(())
    }
}

/// Rows as the elements of an array.
struct Batch {
    count: usize,
    elements: Vec<u8>,
}

impl Values for Batch {
    fn count(&self) -> usize {
        1
    }

    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded> {
        let element = types.first().and_then(TypeInfo::element);
        let element = element.ok_or_else(|| Error::new(ErrorKind::Mismatch, "the table has no type of its rows"))?;
        let mut encoded = Encoded::default();
        encoded.add(|out| put_array(self.count, element, &self.elements, out)).map_err(|e| {
            let message = "the rows cannot be sent by one statement, so nothing is stored: hand fewer over at a time";
            Error::new(ErrorKind::Encode, message).caused_by(e)
        })?;
        Ok(encoded)
    }
}

/// Appends an array of elements that are encoded.
pub(super) fn put_array(
    count: usize,
    element: &TypeInfo,
    elements: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let length = i32::try_from(count).map_err(|_| too_many(count))?;
    encode_sized(out, |out| {
        let dimensions = i32::from(count > 0);
        out.extend_from_slice(&dimensions.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&element.oid().to_be_bytes());
        if count > 0 {
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&1_i32.to_be_bytes());
            out.extend_from_slice(elements);
        }
        Ok(())
    })
}

#[cold]
fn too_many(length: usize) -> ValueError {
    ValueErrorKind::TooLarge { length }.into()
}
