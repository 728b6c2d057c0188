//! What is wrong with a list of columns that is only complete when types are known; looked at by the compiler.

use super::sql::{Part, name, number, put};
use super::{MAX_IDENTIFIER, Name, Spec};
use crate::value::PgType;

const MAX_COLUMNS: usize = 1600;

/// A mistake among the columns of a struct with embedded ones.
#[derive(Clone, Copy)]
pub struct Problem {
    kind: Kind,
    column: Spec,
    /// The part that is to be blamed.
    part: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Duplicate,
    TooLong,
    TooMany,
}

/// The first mistake that an embedded struct brings in.
///
/// A hash table, since a double loop over 1,600 names is more than the compiler evaluates.
pub const fn problem(parts: &[Part<'_, Spec>], specs: &[Spec]) -> Option<Problem> {
    if specs.len() > MAX_COLUMNS {
        return Some(Problem {
            kind: Kind::TooMany,
            column: specs[MAX_COLUMNS],
            part: embedded(parts, MAX_COLUMNS, 0),
        });
    }
    let mut slots = [0_u16; 4096];
    let mut i = 0;
    while i < specs.len() {
        if specs[i].name.len() > MAX_IDENTIFIER {
            return Some(Problem { kind: Kind::TooLong, column: specs[i], part: embedded(parts, i, i) });
        }
        let mut slot = hash(&specs[i]);
        while slots[slot] != 0 {
            let other = slots[slot] as usize - 1;
            if same_name(&specs[other].name, &specs[i].name) {
                return Some(Problem { kind: Kind::Duplicate, column: specs[i], part: embedded(parts, i, other) });
            }
            slot = (slot + 1) % slots.len();
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 1,600")]
        {
            slots[slot] = i as u16 + 1;
        }
        i += 1;
    }
    None
}

/// The embedded struct that holds the column `at`, or else the one that holds `other`, or else the last one.
const fn embedded(parts: &[Part<'_, Spec>], at: usize, other: usize) -> usize {
    let (mut blamed, mut last) = (None, 0);
    let (mut p, mut from) = (0, 0);
    while p < parts.len() {
        let to = match parts[p] {
            Part::One(_) => from + 1,
            Part::Many(_, columns) => {
                last = p;
                let to = from + columns.len();
                if from <= at && at < to {
                    return p;
                }
                if from <= other && other < to {
                    blamed = Some(p);
                }
                to
            }
        };
        from = to;
        p += 1;
    }
    match blamed {
        Some(part) => part,
        None => last,
    }
}

/// FNV-1a over the name's bytes, as a place in the table.
const fn hash(spec: &Spec) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let pieces = spec.name.pieces();
    let mut p = 0;
    while p < pieces.len() {
        let bytes = pieces[p].as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
            i += 1;
        }
        p += 1;
    }
    ((hash >> 16) ^ hash) as usize % 4096
}

/// Whether two names are the same.
pub(super) const fn same_name(a: &Name, b: &Name) -> bool {
    let length = a.len();
    if length != b.len() {
        return false;
    }
    let mut i = 0;
    while i < length {
        if byte_at(a, i) != byte_at(b, i) {
            return false;
        }
        i += 1;
    }
    true
}

const fn byte_at(name: &Name, mut at: usize) -> u8 {
    let pieces = name.pieces();
    let mut p = 0;
    while p < pieces.len() {
        let bytes = pieces[p].as_bytes();
        if at < bytes.len() {
            return bytes[at];
        }
        at -= bytes.len();
        p += 1;
    }
    0
}

/// Writes the message about a mistake, in the way of [`super::sql`].
pub const fn misplaced(out: &mut [u8], mut at: usize, problem: &Option<Problem>) -> usize {
    let Some(problem) = problem else { return at };
    match problem.kind {
        Kind::Duplicate => {
            at = put(out, at, "the column ");
            at = name(out, at, &problem.column.name);
            put(out, at, " is already there: give the embedded struct a prefix, #[pg(flatten = \"…_\")]")
        }
        Kind::TooLong => {
            at = put(out, at, "a column's name has at most 63 bytes and ");
            at = name(out, at, &problem.column.name);
            at = put(out, at, " has ");
            at = number(out, at, problem.column.name.len());
            put(out, at, ": PostgreSQL would cut it")
        }
        Kind::TooMany => {
            at = put(out, at, "a table has at most 1600 columns, and ");
            at = name(out, at, &problem.column.name);
            put(out, at, " is the one after")
        }
    }
}

/// Whether the part is to be blamed.
pub const fn blames(problem: &Option<Problem>, part: usize) -> bool {
    matches!(problem, Some(problem) if problem.part == part)
}

/// A SQL type that a field is declared to have and does not stand for.
#[derive(Clone, Copy)]
pub struct Undeclared {
    /// The field's type, as the source writes it.
    pub rust: &'static str,
    /// The types that it stands for.
    pub types: &'static [PgType],
    /// The type that is declared.
    pub name: &'static str,
}

/// Writes the message about it.
pub const fn undeclared(out: &mut [u8], mut at: usize, declared: &Undeclared) -> usize {
    at = put(out, at, "`");
    at = put(out, at, declared.rust);
    at = put(out, at, "` cannot stand for ");
    at = put(out, at, declared.name);
    at = put(out, at, "; it can for ");
    let mut i = 0;
    while i < declared.types.len() {
        if i > 0 {
            at = put(out, at, ", ");
        }
        at = put(out, at, declared.types[i].name);
        i += 1;
    }
    at
}

/// Makes a message at compile time: `message!(function, its argument's type, its argument)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __message {
    ($function:ident, $type:ty, $value:expr) => {{
        const VALUE: &$type = &$value;
        const LENGTH: $crate::__private::usize = $crate::__private::$function(&mut [], 0, VALUE);
        const BYTES: [$crate::__private::u8; LENGTH] = {
            let mut bytes = [0; LENGTH];
            $crate::__private::$function(&mut bytes, 0, VALUE);
            bytes
        };
        const TEXT: &$crate::__private::str = match $crate::__private::from_utf8(&BYTES) {
            $crate::__private::Ok(text) => text,
            $crate::__private::Err(_) => "",
        };
        TEXT
    }};
}
