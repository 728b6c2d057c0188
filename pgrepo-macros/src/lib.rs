//! The derive macros of pgrepo.

mod ast;
mod attr;
mod case;
mod check;
mod ctxt;
mod expand;
mod fallback;
mod generics;
mod insert;
mod labels;
mod newtype;
mod symbol;
mod test_attr;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Gives an asynchronous test a runtime and a database of its own.
///
/// The function takes one argument of a type that implements `pgrepo::testkit::FromTestDatabase`, such as
/// `pgrepo::testkit::TestDatabase`, and returns nothing or a `Result`. The database is a copy of a template that is set up once a
/// process; it is dropped when the test ends, also by a panic. Other attributes (`#[should_panic]`, `#[cfg(…)]`) stay.
///
/// | key | meaning |
/// |---|---|
/// | `sql = "…"` | the statements that set the template up |
/// | `setup = "path.sql"` | the same from a file; the path starts at the package's folder, `CARGO_MANIFEST_DIR` |
/// | `flavor = "current_thread"` | the runtime: `"current_thread"` (default) or `"multi_thread"` |
///
/// ```ignore
/// #[pgrepo::test(setup = "tests/schema.sql", flavor = "multi_thread")]
/// async fn starts_empty(db: pgrepo::testkit::TestDatabase) -> Result<(), Box<dyn std::error::Error>> {
///     // connect to db.url()
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    test_attr::expand(arguments.into(), item.into()).into()
}

/// Makes a struct with named fields stand for a table or a view.
#[proc_macro_derive(PgTable, attributes(pg))]
pub fn derive_table(input: TokenStream) -> TokenStream {
    record(&parse_macro_input!(input as DeriveInput), true).into()
}

/// Makes the fields of a struct columns, without a table: for projections, and for embedding in other structs.
#[proc_macro_derive(PgRecord, attributes(pg))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    record(&parse_macro_input!(input as DeriveInput), false).into()
}

/// Makes a struct a row that can be written to some columns of a table.
#[proc_macro_derive(PgInsert, attributes(pg))]
pub fn derive_insert(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let insert = insert::Insert::read(&ctxt, &input);
    match (insert, ctxt.check()) {
        (Some(insert), None) => expand::insert(&insert),
        (insert, error) => fallback::insert(&input, insert, error),
    }
    .into()
}

/// Makes the variants of an enum the values of a column.
#[proc_macro_derive(PgEnum, attributes(pg))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let labels = labels::Labels::read(&ctxt, &input);
    match (labels, ctxt.check()) {
        (Some(labels), None) => expand::labels(&labels),
        (_, error) => fallback::value(&input, error),
    }
    .into()
}

/// Makes a struct of one field stand in a column as that field.
#[proc_macro_derive(PgNewtype, attributes(pg))]
pub fn derive_newtype(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let newtype = newtype::Newtype::read(&ctxt, &input);
    match (newtype, ctxt.check()) {
        (Some(newtype), None) => expand::newtype(&newtype),
        (_, error) => fallback::value(&input, error),
    }
    .into()
}

fn record(input: &DeriveInput, is_table: bool) -> proc_macro2::TokenStream {
    let ctxt = Ctxt::default();
    let record = ast::Record::read(&ctxt, input, is_table);
    if let Some(record) = &record {
        check::record(&ctxt, record);
    }
    match (record, ctxt.check()) {
        (Some(record), None) => expand::record(&record),
        (record, error) => fallback::record(input, is_table, record, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is printed under another name of the library must name it so.
    #[test]
    fn a_renamed_library_is_named_in_all_places() {
        let expanded = |source: &str| {
            let input: DeriveInput = syn::parse_str(source).map_err(|e| e.to_string())?;
            Ok::<_, String>(record(&input, true).to_string())
        };
        let fields = "{ #[pg(primary_key, identity)] id: T, #[pg(json, default)] a: Option<u8>, #[pg(via_sqlx)] b: u8,
            #[pg(flatten = \"c_\")] c: C, #[pg(skip)] d: u8, #[pg(sql_type = \"text\", generated)] e: &'a str }";
        for keys in ["new = \"New\"", "read_only", "unknown"] {
            let source = format!("#[pg(table = \"t\", {keys}, crate = \"db\")] struct User<'a, T> {fields}");
            let code = expanded(&source).unwrap_or_default();
            assert!(code.contains("db :: __private"), "{code}");
            assert!(!code.contains("pgrepo"), "{code}");
        }
    }
}
