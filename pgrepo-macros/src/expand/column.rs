use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{Field, Kind, Record, Unique};
use crate::generics::bounds;

use super::field::private;

/// A constant for each column and each embedded struct.
pub(crate) fn constants(record: &Record<'_>) -> TokenStream {
    let (impl_generics, ty_generics, _) = record.input.generics.split_for_impl();
    let bounds = bounds(&record.input.generics, &[]);
    let name = &record.input.ident;
    let constants = record.fields.iter().filter(|f| f.kind != Kind::Skip).map(|f| constant(record, f));
    let unique = record.table.iter().flat_map(|table| &table.unique).map(|set| unique(record, set));
    quote! {
        #[allow(dead_code, unused_qualifications, clippy::absolute_paths)]
        impl #impl_generics #name #ty_generics #bounds {
            #(#constants)*
            #(#unique)*
        }
    }
}

fn unique(record: &Record<'_>, set: &Unique) -> TokenStream {
    let p = private(&record.krate);
    let Unique { columns, constant, .. } = set;
    let vis = &record.input.vis;
    let doc = format!("The unique set of the columns {}.", columns.join(", "));
    quote! {
        #[doc = #doc]
        #vis const #constant: #p::Unique<Self> = #p::Unique::new(&[#(#p::Name::new(#columns)),*]);
    }
}

fn constant(record: &Record<'_>, field: &Field<'_>) -> TokenStream {
    let p = private(&record.krate);
    let Field { constant, vis, column, .. } = field;
    if field.kind == Kind::Flat {
        let ty = field.embedded();
        let doc = format!("The columns of the field `{}`.", field.ident);
        return quote! {
            #[doc = #doc]
            #vis const #constant: #p::Embedded<Self, #ty> = #p::Embedded::new(#column);
        };
    }
    let doc = format!("The column `{}`.", column.value());
    let value = field.column_type(&p);
    let write = if record.table.as_ref().is_some_and(|t| t.read_only) {
        quote!(OfView)
    } else if field.identity || field.generated {
        quote!(ServerMade)
    } else {
        quote!(Writable)
    };
    quote! {
        #[doc = #doc]
        #vis const #constant: #p::Column<Self, #value, #p::#write> = #p::Column::new(#column);
    }
}
