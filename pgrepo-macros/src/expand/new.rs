use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics};

use crate::ast::{Field, New, Record};
use crate::generics::{bounds, mentions_lifetime};

use super::field::private;
use super::record::Need;

/// The struct's parameters without a lifetime that new rows do not use.
fn generics(record: &Record<'_>) -> Generics {
    let mut generics = record.input.generics.clone();
    let unused = |lifetime: &syn::Lifetime| !record.new_fields().any(|f| mentions_lifetime(f.ty, lifetime));
    let dropped: Vec<_> = generics.lifetimes().map(|l| l.lifetime.clone()).filter(unused).collect();
    if !dropped.is_empty() {
        let kept = generics.params.into_iter().filter(|p| !matches!(p, GenericParam::Lifetime(_)));
        generics.params = kept.collect();
        if let Some(clause) = &mut generics.where_clause {
            let predicates = std::mem::take(&mut clause.predicates).into_iter();
            clause.predicates = predicates.filter(|p| !dropped.iter().any(|l| mentions_lifetime(p, l))).collect();
        }
    }
    generics
}

/// The struct itself, where the user can name it.
pub(crate) fn declaration(record: &Record<'_>, new: &New) -> TokenStream {
    let p = private(&record.krate);
    let generics = generics(record);
    let where_clause = &generics.where_clause;
    let (vis, name, table) = (&record.input.vis, &new.name, &record.input.ident);
    let doc = format!(
        "A new [`{table}`]: without the columns that the server makes, and with a choice for those that have a default."
    );
    let derives = new.derives.as_ref().and_then(|list| list.parse::<TokenStream>().ok()).map(|d| quote!(#[derive(#d)]));
    let fields = record.new_fields().map(|field| {
        let Field { ident, vis, ty, docs, column, .. } = field;
        let ty = if field.default { quote!(#p::Set<#ty>) } else { quote!(#ty) };
        let doc = docs.is_empty().then(|| {
            let doc = format!("The column `{}`.", column.value());
            quote!(#[doc = #doc])
        });
        quote!(#(#docs)* #doc #vis #ident: #ty)
    });
    quote! {
        #[doc = #doc]
        #derives
        #[allow(missing_debug_implementations, missing_copy_implementations, unused_qualifications, clippy::absolute_paths)]
        #vis struct #name #generics #where_clause { #(#fields),* }
    }
}

/// What makes it a row of the table.
pub(crate) fn impls(record: &Record<'_>, new: &New) -> TokenStream {
    let p = private(&record.krate);
    let generics = generics(record);
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let bounds = bounds(&generics, &record.needs(Need::Write));
    let (name, table) = (&new.name, &record.input.ident);
    let still = super::table::still(record);
    let writes = record.new_fields().map(|f| f.write(&p, f.default));
    quote! {
        #[automatically_derived]
        impl #impl_generics #p::WriteFields for #name #ty_generics #bounds {
            const COLUMNS: &'static [#p::ColumnMeta] =
                &#p::kept::<{ #p::count(&__SPECS, false) }>(<#table #still as #p::Record>::COLUMNS, false);
            #[inline]
            fn write_fields<__W: #p::FieldWriter>(&self, __writer: &mut __W) -> #p::Result<(), #p::FieldError> {
                #(#writes)*
                #p::Ok(())
            }
        }
        #[automatically_derived]
        impl #impl_generics #p::WriteRow for #name #ty_generics #bounds {
            type Table = #table #still;
        }
    }
}
