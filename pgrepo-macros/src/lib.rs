//! The derive macros of pgrepo.

mod ast;
mod attr;
mod case;
mod check;
mod ctxt;
mod expand;
mod fallback;
mod generics;
mod symbol;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

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
