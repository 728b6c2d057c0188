//! Empty impls for wrong input, so that its own errors stand alone.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error};

use crate::ast::{self, Kind, Record};
use crate::expand;
use crate::generics;
use crate::insert::Insert;
use crate::json::{Document, Form};

/// A record's errors, its constants as far as they can be named, and impls that are never run.
pub(crate) fn record(
    input: &DeriveInput,
    is_table: bool,
    record: Option<Record<'_>>,
    error: Option<Error>,
) -> TokenStream {
    let errors = error.map(|e| e.to_compile_error());
    let projection = record.as_ref().and_then(|record| record.of.as_ref().map(|of| projection(input, of)));
    let constants = record.map(|mut record| {
        let mut seen = HashSet::new();
        record.fields.retain(|f| f.kind != Kind::Skip && f.constant != "_" && seen.insert(f.constant.to_string()));
        let new = record.table.as_ref().and_then(|t| t.new.as_ref()).map(|new| expand::new_struct(&record, new));
        let constants = expand::constants(&record);
        let declared = record.table.as_ref().and_then(|table| Some((table, table.constraints.name.as_ref()?)));
        let constraints = declared.map(|(table, declared)| {
            let hidden = expand::scope(&record.krate, &expand::constraint_impls(&record, table, declared));
            let declaration = expand::constraints(&record, table, declared);
            quote!(#declaration #hidden)
        });
        quote!(#constants #new #constraints)
    });
    let impls = impls(input, is_table);
    quote!(#errors #constants #impls #projection)
}

fn projection(input: &DeriveInput, of: &syn::Type) -> TokenStream {
    let krate = ast::krate(input);
    let name = &input.ident;
    let (impl_generics, ty_generics, bounds) = input.generics.split_for_impl();
    let items = quote! {
        #[automatically_derived]
        impl #impl_generics #krate::__private::Projection for #name #ty_generics #bounds {
            type Table = #of;
        }
    };
    expand::scope(&krate, &items)
}

fn impls(input: &DeriveInput, is_table: bool) -> TokenStream {
    let krate = ast::krate(input);
    let p = quote!(#krate::__private);
    let name = &input.ident;
    let (impl_generics, ty_generics, bounds) = input.generics.split_for_impl();
    let row = generics::row_lifetime();
    let arguments = generics::arguments(&input.generics, &row);
    let table = is_table.then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #p::PgTable for #name #ty_generics #bounds {
                const TABLE: #p::TableMeta = #p::TableMeta::new(#p::None, "", &[]);
                const SELECT: &'static #p::str = "";
                const COPY_IN: &'static #p::str = "";
                const COPY_OUT: &'static #p::str = "";
            }
            #[automatically_derived]
            impl #impl_generics #p::WriteRow for #name #ty_generics #bounds {
                type Table = Self;
            }
        }
    });
    let items = quote! {
        #[automatically_derived]
        impl #impl_generics #p::Record for #name #ty_generics #bounds {
            const SPECS: &'static [#p::Spec] = &[];
            const COLUMNS: &'static [#p::ColumnMeta] = &[];
        }
        #[automatically_derived]
        impl #impl_generics #p::FromRow for #name #ty_generics #bounds {
            type Row<#row> = #name #arguments;
            const FIELDS: #p::Fields = #p::Fields::Named(&[]);
            fn from_row<#row, __C: #p::Cells<#row>>(
                _: &mut __C,
            ) -> #p::Result<Self::Row<#row>, #p::FieldError> {
                ::core::unreachable!()
            }
        }
        #[automatically_derived]
        impl #impl_generics #p::CopyOut for #name #ty_generics #bounds {}
        #[automatically_derived]
        impl #impl_generics #p::WriteFields for #name #ty_generics #bounds {
            const COLUMNS: &'static [#p::ColumnMeta] = &[];
            fn write_fields<__W: #p::FieldWriter>(&self, _: &mut __W) -> #p::Result<(), #p::FieldError> {
                ::core::unreachable!()
            }
        }
        #table
    };
    expand::scope(&krate, &items)
}

/// The errors of a struct for some columns, and impls that are never run.
pub(crate) fn insert(input: &DeriveInput, insert: Option<Insert<'_>>, error: Option<Error>) -> TokenStream {
    let errors = error.map(|e| e.to_compile_error());
    let krate = ast::krate(input);
    let p = quote!(#krate::__private);
    let name = &input.ident;
    let (impl_generics, ty_generics, bounds) = input.generics.split_for_impl();
    let row = insert.map(|Insert { of, .. }| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #p::WriteRow for #name #ty_generics #bounds {
                type Table = #of;
            }
        }
    });
    let items = quote! {
        #[automatically_derived]
        impl #impl_generics #p::WriteFields for #name #ty_generics #bounds {
            const COLUMNS: &'static [#p::ColumnMeta] = &[];
            fn write_fields<__W: #p::FieldWriter>(&self, _: &mut __W) -> #p::Result<(), #p::FieldError> {
                ::core::unreachable!()
            }
        }
        #row
    };
    let impls = expand::scope(&krate, &items);
    quote!(#errors #impls)
}

/// The errors of a struct of changes, and an impl that is never run.
pub(crate) fn patch(input: &DeriveInput, patch: Option<Insert<'_>>, error: Option<Error>) -> TokenStream {
    let errors = error.map(|e| e.to_compile_error());
    let krate = ast::krate(input);
    let p = quote!(#krate::__private);
    let name = &input.ident;
    let (_, ty_generics, bounds) = input.generics.split_for_impl();
    let parameters = expand::without_defaults(&input.generics);
    let changes = patch.map(|Insert { of, .. }| {
        quote! {
            #[automatically_derived]
            impl<'__q, #(#parameters),*> #p::Changes<'__q, #of> for #name #ty_generics #bounds {
                fn assignments(self) -> #p::Vec<#p::Assignment<'__q, #of>> {
                    ::core::unreachable!()
                }
            }
        }
    });
    let impls = expand::scope(&krate, &quote!(#changes));
    quote!(#errors #impls)
}

/// A document's errors, its constants as far as they can be named, and what may be asked of an object.
pub(crate) fn json(input: &DeriveInput, document: Option<Document<'_>>, error: Option<Error>) -> TokenStream {
    let errors = error.map(|e| e.to_compile_error());
    let code = match document {
        None => expand::forms(&ast::krate(input), input, Form::Object),
        Some(mut document) => {
            let mut seen = HashSet::new();
            document.places.retain(|place| seen.insert(place.constant.to_string()));
            document.form = Form::Object;
            expand::json(&document)
        }
    };
    quote!(#errors #code)
}

/// The errors of an enum or a newtype, and impls that are never run.
pub(crate) fn value(input: &DeriveInput, error: Option<Error>) -> TokenStream {
    let errors = error.map(|e| e.to_compile_error());
    let krate = ast::krate(input);
    let p = quote!(#krate::__private);
    let name = &input.ident;
    let (impl_generics, ty_generics, bounds) = input.generics.split_for_impl();
    let row = generics::row_lifetime();
    let parameters = expand::without_defaults(&input.generics);
    let items = quote! {
        #[automatically_derived]
        impl #impl_generics #p::SqlType for #name #ty_generics #bounds {
            const TYPES: &'static [#p::PgType] = &[];
        }
        #[automatically_derived]
        impl #impl_generics #p::Element for #name #ty_generics #bounds {}
        #[automatically_derived]
        impl #impl_generics #p::Encode for #name #ty_generics #bounds {
            fn encode(&self, _: &#p::TypeInfo, _: &mut #p::Vec<#p::u8>) -> #p::Result<(), #p::ValueError> {
                ::core::unreachable!()
            }
        }
        #[automatically_derived]
        impl<#row, #(#parameters),*> #p::Decode<#row> for #name #ty_generics #bounds {
            fn decode(_: &#p::TypeInfo, _: &#row [#p::u8]) -> #p::Result<Self, #p::ValueError> {
                ::core::unreachable!()
            }
        }
    };
    let impls = expand::scope(&krate, &items);
    quote!(#errors #impls)
}
