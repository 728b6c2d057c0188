//! Inserts of a row that may be there.

use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::pool::Handle;
use crate::table::{Name, OwnedRow, PgTable, Place, WriteRow, sql};

use super::beside;
use super::insert::into;
use super::written::Written;
use super::{Text, open};

/// A row that was inserted or updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Upserted<T> {
    /// The row as it is now.
    pub row: T,
    /// Whether it was inserted, and not there before.
    pub inserted: bool,
}

/// How often a row may be inserted and deleted by others between two looks at it.
const ATTEMPTS: u32 = 16;

/// Inserts the row, or updates the one that has the same values in the columns of the set.
pub(crate) async fn upsert<H, T, R>(
    mut on: H,
    place: &Place,
    operation: &'static str,
    set: &[Name],
    row: &R,
) -> Result<Upserted<T>>
where
    H: Handle,
    T: PgTable + OwnedRow,
    R: WriteRow<Table = T> + Sync,
{
    let written = Written::new(row, |spec| !spec.identity || set.contains(&spec.name))?;
    written.sends(set)?;
    let text = statement::<T, R>(place, set, &written);
    for attempt in 0..ATTEMPTS {
        let mut found = None;
        let run = open(on.reborrow(), operation, &text, &written, Some(T::FIELDS)).await?;
        let mut run = if attempt == 0 { run.uncounted() } else { run.aside() };
        run.each_beside::<T, bool>(&mut |row, inserted| {
            found = Some(Upserted { row, inserted });
            Ok(())
        })
        .await?;
        if let Some(upserted) = found {
            observe::rows(1, 1);
            return Ok(upserted);
        }
        // Another transaction inserted it after this statement took its view of the table: the next one sees it.
    }
    let message = "the row is in conflict with one that is not found by the set's columns: others insert and delete it all \
                   the time, a policy hides it, or the set's index has NULLS NOT DISTINCT and the row a NULL";
    Err(Error::new(ErrorKind::Query, message).during(operation))
}

/// One statement that inserts, or else updates.
///
/// `ON CONFLICT DO UPDATE` cannot say which of both it did: a system column such as `xmax` is refused in partitioned
/// tables ("cannot retrieve a system column in this context") and absent in views.
fn statement<T: PgTable, R: WriteRow>(place: &Place, set: &[Name], written: &Written<'_, R>) -> String {
    let numbered = set.iter().any(|name| T::SPECS.iter().any(|s| s.identity && s.name == *name));
    let columns = sql::text(|out| sql::columns(out, 0, T::SPECS, sql::Only::All));
    let mut text = Text::new("WITH pgrepo_new AS (");
    text.push(&into(place, written, if numbered { " OVERRIDING SYSTEM VALUE" } else { "" }));
    text.push(" ON CONFLICT (");
    text.names(set);
    text.push(") DO NOTHING");
    text.returning(T::SPECS);
    text.push("), pgrepo_old AS (UPDATE ");
    text.push(&place.quoted());
    text.push(" SET ");
    let start = text.sql.len();
    let updated = written.columns().filter(|(s, _)| !s.primary_key && !s.version && !set.contains(&s.name));
    text.equal(updated.map(|(spec, number)| (&spec.name, number)), ", ");
    if let Some(version) = T::SPECS.iter().find(|s| s.version) {
        text.push(if text.sql.len() == start { "" } else { ", " });
        text.next_version(&version.name);
    }
    let by = || written.columns().filter(|(s, _)| set.contains(&s.name)).map(|(spec, number)| (&spec.name, number));
    if text.sql.len() == start {
        // The row is the key alone: it is written as it is, so that it is returned.
        text.equal(by(), ", ");
    }
    text.push(" WHERE ");
    text.equal(by(), " AND ");
    text.push(" AND NOT EXISTS (SELECT FROM pgrepo_new)");
    text.returning(T::SPECS);
    text.push(&format!(
        ") SELECT {columns}, true AS {0} FROM pgrepo_new UNION ALL SELECT {columns}, false FROM pgrepo_old",
        beside::NAME
    ));
    text.sql
}
