use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use crate::ast::{Field, Kind, Record};
use crate::generics;

use super::field::private;
use super::record::Need;

/// What makes a record one of a table's columns: each field must be one, of a type that it can be read into.
pub(crate) fn projection(record: &Record<'_>, of: &Type) -> TokenStream {
    let p = private(&record.krate);
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = generics::bounds(&record.input.generics, &record.needs(Need::Describe));
    let name = &record.input.ident;
    // What depends on a parameter is compared when a result is read.
    let known = record.input.generics.type_params().next().is_none();
    let known = known && record.input.generics.const_params().next().is_none();
    let fields = record.fields.iter().filter(|f| known && f.kind != Kind::Skip);
    let checks = fields.map(|field| check(record, field, of));
    quote! {
        #(#checks)*
        #[automatically_derived]
        impl #impl_generics #p::Projection for #name #ty_generics #bounds {
            type Table = #of;
        }
    }
}

fn check(record: &Record<'_>, field: &Field<'_>, of: &Type) -> TokenStream {
    let p = private(&record.krate);
    let name = &record.input.ident;
    let still = syn::Lifetime::new("'static", field.ident.span());
    let arguments = generics::arguments(&record.input.generics, &still);
    let column = &field.column;
    let part = if field.kind == Kind::Flat {
        let ty = record.still(field);
        quote!(#p::Part::Many(#column, <#ty as #p::Record>::SPECS))
    } else {
        quote!(#p::Part::One(#p::Spec::new(#column, "", "")))
    };
    quote_spanned! {field.ident.span()=>
        const _: () = {
            const __PROBLEM: #p::Option<#p::Misprojected<'static>> = #p::misprojected(
                <#name #arguments as #p::Record>::COLUMNS,
                &#part,
                <#of as #p::Record>::COLUMNS,
            );
            if #p::Option::is_some(&__PROBLEM) {
                ::core::panic!("{}", #p::message!(unprojected, #p::Option<#p::Misprojected<'static>>, __PROBLEM))
            }
        };
    }
}
