//! COPY of what a statement with parameters gives. COPY takes none: the server writes each value as a literal of its
//! type, which stands in the parameter's place.

use sqlx::postgres::PgRow;
use sqlx::{Column, Row};

use crate::driver_row::type_info;
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::pool::driver::{self, Prepared};
use crate::pool::{Handle, Lease, Session, Values};
use crate::query::{Reads, places, text};
use crate::table::{Fields, Place, quote_ident};
use crate::value::TypeInfo;

use super::bounds::Bounds;
use super::unload::{Begun, begun, blame, refused};

/// A statement that gives rows, with the values of its parameters.
pub(crate) struct Selection<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: &'a dyn Values,
    /// The table, where it is one's rows.
    pub(crate) place: Option<Place>,
}

impl Selection<'_> {
    /// Begins the COPY; as long as nothing has arrived it is begun again where that may help.
    ///
    /// Without fields whatever columns there are are read.
    pub(super) async fn open<'s, H: Handle + 's>(
        &self,
        on: H,
        fields: Option<Fields>,
        options: &str,
    ) -> Result<Begun<'s>> {
        let (mut reads, mut failed) = (Reads::on(on), None);
        loop {
            let lease = reads.lease(failed).await.map_err(|e| blame(self.place.as_ref(), e))?;
            match self.begin(lease, fields, options).await {
                Ok(begun) => {
                    observe::attempts(reads.attempts());
                    return Ok(begun);
                }
                Err(error) => failed = Some(blame(self.place.as_ref(), error)),
            }
        }
    }

    async fn begin<'s>(&self, mut lease: Lease<'s>, fields: Option<Fields>, options: &str) -> Result<Begun<'s>> {
        let bounds = Bounds::of_read(&lease);
        match self.look(&mut lease, &bounds, fields).await {
            Ok((sql, types)) => {
                let statement = |sql: &str| format!("COPY ({sql}\n) TO STDOUT ({options})").into();
                begun(lease, bounds, statement(&sql), statement(self.sql), types).await
            }
            Err(error) => Err(refused(&mut lease, &bounds, error).await),
        }
    }

    /// The statement with its values as literals, and the types of the columns that are read.
    async fn look(
        &self,
        lease: &mut Lease<'_>,
        bounds: &Bounds,
        fields: Option<Fields>,
    ) -> Result<(String, Vec<TypeInfo>)> {
        lease.set_own_transaction(true);
        let mut step = lease.step()?;
        let looked = self.look_on(step.session(), bounds, fields).await;
        step.settle(looked)?
    }

    /// The outer error leaves the session wherever it is; after the inner one it is at rest.
    async fn look_on(
        &self,
        session: &mut Session,
        bounds: &Bounds,
        fields: Option<Fields>,
    ) -> Result<Result<(String, Vec<TypeInfo>)>, sqlx::Error> {
        driver::simple(session, bounds.open).await?;
        let (mut prepared, known) = driver::prepare(session, self.sql).await?;
        let mut values = self.params.encode(&prepared.parameters);
        if known && values.is_err() {
            // What was prepared before may be older than the table.
            prepared = prepare_again(session, self.sql).await?;
            values = self.params.encode(&prepared.parameters);
        }
        let values = match values {
            Ok(values) => values,
            Err(error) => return Ok(Err(error)),
        };
        let plain = self.sql.trim_end();
        let plain = plain.strip_suffix(';').unwrap_or(plain);
        if values.len() > driver::LITERALS {
            let message = format!("a COPY takes {} values at most: give a list as one", driver::LITERALS);
            return Ok(Err(Error::new(ErrorKind::Mismatch, message)));
        }
        let sql = if values.len() == 0 {
            plain.to_owned()
        } else {
            let literals = driver::literals(session, &prepared, &values).await?;
            text::with_literals(plain, &literals, escapes(session, plain).await?)
        };
        // The columns as they are under the locks that reading the text has taken, until the transaction's end. What is
        // joined on nothing is not run, and gives one row all the same.
        let described = format!("SELECT t.* FROM (SELECT) AS one LEFT JOIN ({sql}\n) AS t ON false");
        let rows = driver::simple(session, &described).await?;
        let now = rows.first().map(PgRow::columns).unwrap_or_default();
        if !same(now, &prepared) {
            prepared = prepare_again(session, self.sql).await?;
            if !same(now, &prepared) {
                let message = "the statement's columns are others when its values are written into it";
                return Ok(Err(Error::new(ErrorKind::Mismatch, message)));
            }
        }
        Ok(fields.map_or_else(|| Ok((sql.clone(), Vec::new())), |fields| in_order(&sql, &prepared, &fields)))
    }
}

async fn prepare_again(session: &mut Session, sql: &str) -> Result<std::sync::Arc<Prepared>, sqlx::Error> {
    driver::forget(session).await?;
    driver::prepare(session, sql).await.map(|(prepared, _)| prepared)
}

/// Whether a result has the columns of a prepared statement: the same names and types in the same order.
fn same(columns: &[sqlx::postgres::PgColumn], prepared: &Prepared) -> bool {
    let before = prepared.columns();
    let oid = |column: &sqlx::postgres::PgColumn| type_info(column.type_info()).oid();
    columns.len() == before.len()
        && columns.iter().zip(before).all(|(now, then)| now.name() == then.name() && oid(now) == oid(then))
}

/// The statement with its columns in the order of the fields, and their types.
fn in_order(sql: &str, prepared: &Prepared, fields: &Fields) -> Result<(String, Vec<TypeInfo>)> {
    let places = places(fields, prepared)?;
    let (columns, types) = places.columns();
    let found = prepared.columns();
    if columns.len() == found.len() && columns.iter().enumerate().all(|(field, column)| field == *column) {
        return Ok((sql.to_owned(), types.to_vec()));
    }
    let names = columns.iter().filter_map(|column| found.get(*column)).map(|column| quote_ident(column.name()));
    let names = names.collect::<Vec<_>>().join(", ");
    Ok((format!("SELECT {names} FROM ({sql}\n) AS t"), types.to_vec()))
}

/// Whether a backslash escapes in every text. Only a statement that holds one is asked for it.
async fn escapes(session: &mut Session, sql: &str) -> Result<bool, sqlx::Error> {
    if !sql.contains('\\') {
        return Ok(false);
    }
    let setting = driver::simple(session, "SELECT pg_catalog.current_setting('standard_conforming_strings')").await?;
    let value = setting.first().and_then(|row| row.try_get_raw(0).ok());
    Ok(value.is_some_and(|value| value.as_str().is_ok_and(|setting| setting == "off")))
}
