//! Prints the code; looks at no attribute.

mod column;
mod constraint;
mod field;
mod insert;
mod json;
mod labels;
mod new;
mod newtype;
mod patch;
mod projection;
mod record;
mod table;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::ast;

pub(crate) use column::constants;
pub(crate) use constraint::{declaration as constraints, impls as constraint_impls};
pub(crate) use insert::insert;
pub(crate) use json::{forms, json};
pub(crate) use labels::labels;
pub(crate) use new::declaration as new_struct;
pub(crate) use newtype::newtype;
pub(crate) use patch::patch;
pub(crate) use record::without_defaults;

/// All that a record is, and what its table adds.
pub(crate) fn record(record: &ast::Record<'_>) -> TokenStream {
    let constants = column::constants(record);
    let rows = record::impls(record);
    let table = record.table.as_ref().map(|table| table::impls(record, table));
    let new = record
        .table
        .as_ref()
        .and_then(|t| t.new.as_ref())
        .map(|new| (new::declaration(record, new), new::impls(record, new)));
    let (declaration, new_impls) = new.unzip();
    let projection = record.of.as_ref().map(|of| projection::projection(record, of));
    let declared = record.table.as_ref().and_then(|table| Some((table, table.constraints.name.as_ref()?))).map(
        |(table, declared)| {
            (constraint::declaration(record, table, declared), constraint::impls(record, table, declared))
        },
    );
    let (enumeration, constraint_impls) = declared.unzip();
    let hidden = scope(&record.krate, &quote!(#rows #table #new_impls #projection #constraint_impls));
    quote!(#constants #declaration #enumeration #hidden)
}

/// A scope that keeps names to itself.
pub(crate) fn scope(krate: &Path, items: &TokenStream) -> TokenStream {
    quote! {
        #[doc(hidden)]
        #[allow(unused_qualifications, unused_imports, clippy::absolute_paths, clippy::too_many_lines)]
        const _: () = {
            use #krate::__private::{Unfit as _, UnfitRecord as _, UnfitType as _};
            #items
        };
    }
}
