use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::ast::{Record, Table};
use crate::constraint::{self, Kind};
use crate::generics::bounds;

use super::field::private;
use super::record::Need;

/// The enum itself, where the user can name it.
pub(crate) fn declaration(record: &Record<'_>, table: &Table, name: &Ident) -> TokenStream {
    let (vis, of) = (&record.input.vis, &record.input.ident);
    let doc = format!("The declared constraints of the table of [`{of}`].");
    // Of wrong input each variant once: its own errors stand alone.
    let mut seen = HashSet::new();
    let all = constraint::of(record, table).into_iter().filter(|one| seen.insert(one.variant.to_string()));
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
pub(crate) fn impls(record: &Record<'_>, table: &Table, name: &Ident) -> TokenStream {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = bounds(&record.input.generics, &record.needs(Need::Describe));
    let of = &record.input.ident;
    let all = constraint::of(record, table);
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

/// What the constraints are, for the table's description.
pub(crate) fn metas(record: &Record<'_>, table: &Table) -> TokenStream {
    let p = private(&record.krate);
    let metas = constraint::of(record, table).into_iter().map(|one| {
        let kind = format_ident!("{}", match one.kind {
            Kind::PrimaryKey => "Key",
            Kind::Unique => "UniqueSet",
            Kind::Check => "Check",
            Kind::ForeignKey => "ForeignKey",
            Kind::Exclude => "Exclude",
        });
        let (name, columns) = (one.name, one.columns);
        let named = (one.named || table.constraints.name.is_some()).then(|| quote!(.named()));
        let sql = one.sql.map(|sql| quote!(.defined(#sql)));
        quote!(#p::ConstraintMeta::new(#p::ConstraintMetaKind::#kind, #name, &[#(#p::Name::new(#columns)),*])#named #sql)
    });
    quote!(&[#(#metas),*])
}
