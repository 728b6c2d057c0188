use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{Record, Table};
use crate::constraint::{self, Declared};
use crate::generics::bounds;

use super::field::private;
use super::record::Need;

/// The enum itself, where the user can name it.
pub(crate) fn declaration(record: &Record<'_>, table: &Table, declared: &Declared) -> TokenStream {
    let (vis, name, of) = (&record.input.vis, &declared.name, &record.input.ident);
    let doc = format!("The declared constraints of the table of [`{of}`].");
    // Of wrong input each variant once: its own errors stand alone.
    let mut seen = HashSet::new();
    let all = constraint::of(record, table, declared).into_iter().filter(|one| seen.insert(one.variant.to_string()));
    let variants = all.map(|one| {
        let (doc, variant) = (one.doc, one.variant);
        quote!(#[doc = #doc] #variant)
    });
    quote! {
        #[doc = #doc]
        #[derive(
            ::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy, ::core::cmp::PartialEq, ::core::cmp::Eq,
            ::core::hash::Hash
        )]
        #[allow(dead_code, unused_qualifications, clippy::absolute_paths, clippy::enum_variant_names)]
        #vis enum #name { #(#variants),* }
    }
}

/// Which variant stands for a name.
pub(crate) fn impls(record: &Record<'_>, table: &Table, declared: &Declared) -> TokenStream {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = bounds(&record.input.generics, &record.needs(Need::Describe));
    let (name, of) = (declared.path(), &record.input.ident);
    let all = constraint::of(record, table, declared);
    let (names, variants): (Vec<_>, Vec<_>) = all.into_iter().map(|one| (one.name, one.variant)).unzip();
    quote! {
        #[automatically_derived]
        #[allow(unreachable_patterns)]
        impl #impl_generics #p::Constraints for #of #ty_generics #bounds {
            type Constraint = #name;
            fn constraint(__name: &#p::str) -> #p::Option<Self::Constraint> {
                match __name {
                    #(#names => #p::Some(#name::#variants),)*
                    _ => #p::None,
                }
            }
        }
    }
}
