//! The text of statements, and the only place where an identifier is quoted.
//!
//! Each function writes into a slice from a place on and returns the place behind the text; what does not fit is
//! counted all the same, so an empty slice measures. That makes one piece of code serve constants and run time.

use super::{ColumnMeta, Name, Spec};

/// A table as its statements see it: nothing here depends on the fields' types.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// The schema, if one is named.
    pub schema: Option<&'a str>,
    /// The table.
    pub table: &'a str,
    /// Its columns.
    pub columns: &'a [Spec],
}

const fn byte(out: &mut [u8], at: usize, byte: u8) -> usize {
    if at < out.len() {
        out[at] = byte;
    }
    at + 1
}

pub(super) const fn put(out: &mut [u8], mut at: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        at = byte(out, at, bytes[i]);
        i += 1;
    }
    at
}

/// An identifier in pieces, in quotation marks.
pub const fn ident(out: &mut [u8], mut at: usize, pieces: &[&str]) -> usize {
    at = byte(out, at, b'"');
    let mut p = 0;
    while p < pieces.len() {
        let bytes = pieces[p].as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            if bytes[i] == b'"' {
                at = byte(out, at, b'"');
            }
            at = byte(out, at, bytes[i]);
            i += 1;
        }
        p += 1;
    }
    byte(out, at, b'"')
}

/// A column's name.
pub const fn name(out: &mut [u8], at: usize, name: &Name) -> usize {
    ident(out, at, name.pieces())
}

/// The table with its schema.
pub const fn table(out: &mut [u8], mut at: usize, layout: &Layout<'_>) -> usize {
    if let Some(schema) = layout.schema {
        at = ident(out, at, &[schema]);
        at = byte(out, at, b'.');
    }
    ident(out, at, &[layout.table])
}

/// Which columns a list holds.
#[derive(Debug, Clone, Copy)]
pub enum Only<'a> {
    /// All of them.
    All,
    /// All that a load sends when it leaves to the server what the server makes.
    Sent,
    /// Those that are marked.
    Marked(&'a [bool]),
}

const fn listed(only: Only<'_>, spec: &Spec, index: usize) -> bool {
    match only {
        Only::All => true,
        Only::Sent => !spec.generated && !spec.identity,
        Only::Marked(marks) => index < marks.len() && marks[index],
    }
}

/// The names of columns, with commas.
pub const fn columns(out: &mut [u8], mut at: usize, specs: &[Spec], only: Only<'_>) -> usize {
    let mut i = 0;
    let mut first = true;
    while i < specs.len() {
        if listed(only, &specs[i], i) {
            if !first {
                at = put(out, at, ", ");
            }
            first = false;
            at = name(out, at, &specs[i].name);
        }
        i += 1;
    }
    at
}

/// `SELECT … FROM …`
pub const fn select(out: &mut [u8], mut at: usize, layout: &Layout<'_>) -> usize {
    at = put(out, at, "SELECT ");
    at = columns(out, at, layout.columns, Only::All);
    at = put(out, at, " FROM ");
    table(out, at, layout)
}

pub(super) const fn number(out: &mut [u8], mut at: usize, n: usize) -> usize {
    if n >= 10 {
        at = number(out, at, n / 10);
    }
    let digits = b"0123456789";
    byte(out, at, digits[n % 10])
}

const fn by_key(out: &mut [u8], mut at: usize, layout: &Layout<'_>) -> usize {
    let mut i = 0;
    let mut keys = 0;
    while i < layout.columns.len() {
        if layout.columns[i].primary_key {
            at = put(out, at, if keys == 0 { " WHERE " } else { " AND " });
            at = name(out, at, &layout.columns[i].name);
            at = put(out, at, " = $");
            keys += 1;
            at = number(out, at, keys);
        }
        i += 1;
    }
    at
}

/// `SELECT … FROM … WHERE key = $1 …`
pub const fn select_by_key(out: &mut [u8], at: usize, layout: &Layout<'_>) -> usize {
    let at = select(out, at, layout);
    by_key(out, at, layout)
}

/// `DELETE FROM … WHERE key = $1 …`
pub const fn delete_by_key(out: &mut [u8], mut at: usize, layout: &Layout<'_>) -> usize {
    at = put(out, at, "DELETE FROM ");
    at = table(out, at, layout);
    by_key(out, at, layout)
}

/// `COPY … (…) FROM STDIN`
pub const fn copy_in(out: &mut [u8], mut at: usize, layout: &Layout<'_>, only: Only<'_>) -> usize {
    at = put(out, at, "COPY ");
    at = table(out, at, layout);
    at = put(out, at, " (");
    at = columns(out, at, layout.columns, only);
    put(out, at, ") FROM STDIN (FORMAT binary)")
}

/// `COPY` of those columns that a table's own struct sends.
pub const fn copy_in_sent(out: &mut [u8], at: usize, layout: &Layout<'_>) -> usize {
    copy_in(out, at, layout, Only::Sent)
}

/// `COPY (SELECT …) TO STDOUT`: the query form also takes views, generated columns and partitioned tables.
pub const fn copy_out(out: &mut [u8], mut at: usize, layout: &Layout<'_>) -> usize {
    at = put(out, at, "COPY (");
    at = select(out, at, layout);
    put(out, at, ") TO STDOUT (FORMAT binary)")
}

/// Makes a text at run time.
pub fn text(write: impl Fn(&mut [u8]) -> usize) -> String {
    let mut bytes = vec![0; write(&mut [])];
    write(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Makes a text at compile time: `statement!(select, LAYOUT)`, where `LAYOUT` is a constant without generics.
#[doc(hidden)]
#[macro_export]
macro_rules! __statement {
    ($function:ident, $layout:expr) => {{
        const LAYOUT: $crate::__private::Layout<'static> = $layout;
        const LENGTH: $crate::__private::usize = $crate::__private::sql::$function(&mut [], 0, &LAYOUT);
        const BYTES: [$crate::__private::u8; LENGTH] = {
            let mut bytes = [0; LENGTH];
            $crate::__private::sql::$function(&mut bytes, 0, &LAYOUT);
            bytes
        };
        const TEXT: &$crate::__private::str = match $crate::__private::from_utf8(&BYTES) {
            $crate::__private::Ok(text) => text,
            $crate::__private::Err(_) => ::core::panic!("an identifier is not UTF-8"),
        };
        TEXT
    }};
}

/// A piece of a struct's list of columns: a field's own, or those of an embedded struct.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a, C> {
    /// A field.
    One(C),
    /// An embedded struct, with its prefix.
    Many(&'static str, &'a [C]),
}

/// Lays the parts flat; `N` is the number of columns.
pub const fn specs<const N: usize>(parts: &[Part<'_, Spec>]) -> [Spec; N] {
    let mut all = [Spec::EMPTY; N];
    let mut at = 0;
    let mut p = 0;
    while p < parts.len() {
        match parts[p] {
            Part::One(spec) => {
                all[at] = spec;
                at += 1;
            }
            Part::Many(prefix, specs) => {
                let mut i = 0;
                while i < specs.len() {
                    all[at] = specs[i].prefixed(prefix);
                    at += 1;
                    i += 1;
                }
            }
        }
        p += 1;
    }
    all
}

/// The same with what the fields' types say.
pub const fn metas<const N: usize>(parts: &[Part<'_, ColumnMeta>]) -> [ColumnMeta; N] {
    let mut all = [ColumnMeta::EMPTY; N];
    let mut at = 0;
    let mut p = 0;
    while p < parts.len() {
        match parts[p] {
            Part::One(meta) => {
                all[at] = meta;
                at += 1;
            }
            Part::Many(prefix, metas) => {
                let mut i = 0;
                while i < metas.len() {
                    all[at] = metas[i].prefixed(prefix);
                    at += 1;
                    i += 1;
                }
            }
        }
        p += 1;
    }
    all
}
