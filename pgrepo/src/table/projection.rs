//! Records of some of a table's columns, and what of such a record does not fit the table; looked at by the compiler.

use super::problem::same_name;
use super::sql::{Part, name, put};
use super::{ColumnMeta, Name, PgTable, Record, Spec};
use crate::value::PgType;

/// A record whose fields are columns of a table: what `#[derive(PgRecord)] #[pg(of = User)]` writes, and
/// [`Find::select`](crate::Find::select) takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no record of some of a table's columns",
    label = "of which table is not said",
    note = "say it: #[derive(pgrepo::PgRecord)] #[pg(of = …)] with the table's struct"
)]
pub trait Projection: Record {
    /// The struct of the table.
    type Table: PgTable;
}

/// A field that the table has no column for.
#[derive(Clone, Copy)]
pub struct Misprojected<'a> {
    column: ColumnMeta,
    /// The table's column of the name, if there is one.
    found: Option<ColumnMeta>,
    table: &'a [ColumnMeta],
}

/// The first column of a field, or of an embedded struct, that the table does not have so.
pub const fn misprojected<'a>(
    record: &[ColumnMeta],
    part: &Part<'_, Spec>,
    table: &'a [ColumnMeta],
) -> Option<Misprojected<'a>> {
    match part {
        Part::One(spec) => one(record, &spec.name, table),
        Part::Many(prefix, specs) => {
            let mut i = 0;
            while i < specs.len() {
                let problem = one(record, &specs[i].name.prefixed(prefix), table);
                if problem.is_some() {
                    return problem;
                }
                i += 1;
            }
            None
        }
    }
}

const fn one<'a>(record: &[ColumnMeta], name: &Name, table: &'a [ColumnMeta]) -> Option<Misprojected<'a>> {
    let Some(column) = column(record, name) else { return None };
    let found = self::column(table, name);
    if let Some(found) = found
        && types_meet(&column, &found)
        && (column.nullable || !found.nullable)
    {
        return None;
    }
    Some(Misprojected { column, found, table })
}

const fn column(columns: &[ColumnMeta], name: &Name) -> Option<ColumnMeta> {
    let mut i = 0;
    while i < columns.len() {
        if same_name(&columns[i].spec.name, name) {
            return Some(columns[i]);
        }
        i += 1;
    }
    None
}

/// Whether two fields can stand for one column; a type that says nothing of its SQL types is compared by the server's.
const fn types_meet(a: &ColumnMeta, b: &ColumnMeta) -> bool {
    if a.types.is_empty() || b.types.is_empty() {
        return true;
    }
    let mut i = 0;
    while a.array == b.array && i < a.types.len() {
        let mut k = 0;
        while k < b.types.len() {
            if same_type(&a.types[i], &b.types[k]) {
                return true;
            }
            k += 1;
        }
        i += 1;
    }
    false
}

const fn same_type(a: &PgType, b: &PgType) -> bool {
    a.oid == b.oid && same_name(&Name::new(a.name), &Name::new(b.name))
}

/// Writes the message about it, in the way of [`super::sql`].
pub const fn unprojected(out: &mut [u8], mut at: usize, problem: &Option<Misprojected<'_>>) -> usize {
    let Some(Misprojected { column, found, table }) = problem else { return at };
    let Some(found) = found else {
        at = put(out, at, "the table has no column ");
        at = name(out, at, &column.spec.name);
        at = put(out, at, "; it has ");
        let mut i = 0;
        while i < table.len() {
            at = put(out, at, if i > 0 { ", " } else { "" });
            at = name(out, at, &table[i].spec.name);
            i += 1;
        }
        return at;
    };
    at = put(out, at, "the column ");
    at = name(out, at, &found.spec.name);
    if types_meet(column, found) {
        at = put(out, at, " can be NULL, and `");
        at = put(out, at, column.spec.rust_type);
        return put(out, at, "` cannot: make it an Option");
    }
    at = put(out, at, " is `");
    at = put(out, at, found.spec.rust_type);
    at = put(out, at, "` in the table's struct, and cannot be read into `");
    at = put(out, at, column.spec.rust_type);
    put(out, at, "`")
}
