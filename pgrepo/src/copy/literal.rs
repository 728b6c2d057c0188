//! Conditions in a COPY, whose statement takes no parameters: the server writes the values as literals.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::driver::{self, Prepared};
use crate::pool::{Encoded, Session, Values};
use crate::query::{Filter, Text};
use crate::table::{PgTable, TableMeta};

use super::catalog::Target;

/// A condition on the rows of a load, of whatever struct.
#[derive(Clone)]
pub(crate) struct Condition(Arc<dyn AnyFilter>);

trait AnyFilter: Send + Sync {
    fn table(&self) -> TableMeta;

    /// Its text, and its values, behind what is there.
    fn append<'f>(&'f self, text: &mut Text<'f, 'static>);
}

impl<T: PgTable> AnyFilter for Filter<'static, T> {
    fn table(&self) -> TableMeta {
        T::TABLE
    }

    fn append<'f>(&'f self, text: &mut Text<'f, 'static>) {
        text.condition(self);
    }
}

impl Condition {
    pub(crate) fn new<T: PgTable + 'static>(filter: Filter<'static, T>) -> Self {
        Self(Arc::new(filter))
    }

    /// Whether its columns are those of this table.
    pub(super) fn is_of(&self, table: &TableMeta) -> bool {
        let own = self.0.table();
        (own.schema, own.name) == (table.schema, table.name)
    }

    /// The condition with its values written into it, in the session's own way to write and read them.
    ///
    /// The outer error leaves the session wherever it is; after the inner one it is at rest.
    pub(super) async fn written(&self, session: &mut Session, target: &Target) -> Result<Result<String>, sqlx::Error> {
        let mut text = Text::new(format!("SELECT FROM {} WHERE ", target.quoted));
        self.0.append(&mut text);
        if text.params.len() > driver::LITERALS {
            let message = format!("a load's filter takes {} values at most: give a list as one", driver::LITERALS);
            return Ok(Err(Error::new(ErrorKind::Mismatch, message)));
        }
        let mut literals = Vec::new();
        if !text.params.is_empty() {
            let (prepared, values) = match encoded(session, &text).await? {
                Ok(ready) => ready,
                Err(error) => return Ok(Err(error)),
            };
            literals = driver::literals(session, &prepared, &values).await?;
        }
        let mut written = Text::new("").with_literals(literals);
        self.0.append(&mut written);
        Ok(Ok(written.sql))
    }
}

/// The types of a statement's parameters, and its values in them.
async fn encoded(session: &mut Session, text: &Text<'_, '_>) -> Result<Result<(Arc<Prepared>, Encoded)>, sqlx::Error> {
    let (mut prepared, known) = driver::prepare(session, &text.sql).await?;
    let mut values = text.params.encode(&prepared.parameters);
    if known && values.is_err() {
        // What was prepared before may be older than the table.
        driver::forget(session).await?;
        (prepared, _) = driver::prepare(session, &text.sql).await?;
        values = text.params.encode(&prepared.parameters);
    }
    Ok(values.map(|values| (prepared, values)))
}

impl PartialEq for Condition {
    /// Whether it is the same one; two that say the same are not compared.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        self.0.append(&mut text);
        write!(f, "Condition({})", text.sql)
    }
}
