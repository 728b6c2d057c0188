use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::LitByteStr;

use crate::labels::{Kept, Labels};

use super::field::private;
use super::scope;

/// The codec of an enum.
pub(crate) fn labels(labels: &Labels<'_>) -> TokenStream {
    let p = private(&labels.krate);
    let name = &labels.input.ident;
    let types = match &labels.kept {
        Kept::Enum { name, schema: None } => quote!(&[#p::PgType::named(#name)]),
        Kept::Enum { name, schema: Some(schema) } => quote!(&[#p::PgType::named(#name).in_schema(#schema)]),
        Kept::Text => quote!(<#p::str as #p::SqlType>::TYPES),
        Kept::Number(number) => {
            let number = Ident::new(number, Span::call_site());
            quote!(<#p::#number as #p::SqlType>::TYPES)
        }
    };
    let (encode, decode) = match &labels.kept {
        Kept::Number(number) => numbers(labels, &p, &Ident::new(number, Span::call_site())),
        Kept::Enum { .. } | Kept::Text => texts(labels, &p),
    };
    let definition = match &labels.kept {
        Kept::Enum { .. } => {
            let texts = labels.variants.iter().map(|v| &v.label);
            Some(quote! {
                const DEFINITION: #p::Option<&'static #p::TypeDefinition> = #p::Some(&#p::TypeDefinition::Enum {
                    ty: <Self as #p::SqlType>::TYPES[0],
                    labels: &[#(#texts),*],
                });
            })
        }
        Kept::Text | Kept::Number(_) => None,
    };
    scope(
        &labels.krate,
        &quote! {
            #[automatically_derived]
            impl #p::SqlType for #name {
                const TYPES: &'static [#p::PgType] = #types;
                #definition
            }
            #[automatically_derived]
            impl #p::Element for #name {}
            #[automatically_derived]
            impl #p::HasMinMax for #name {
                type Value = Self;
            }
            #[automatically_derived]
            impl #p::Encode for #name {
                #[inline]
                fn encode(&self, __ty: &#p::TypeInfo, __out: &mut #p::Vec<#p::u8>) -> #p::Result<(), #p::ValueError> {
                    #encode
                }
            }
            #[automatically_derived]
            impl<'__r> #p::Decode<'__r> for #name {
                fn decode(__ty: &#p::TypeInfo, __body: &'__r [#p::u8]) -> #p::Result<Self, #p::ValueError> {
                    #decode
                }
            }
        },
    )
}

fn texts(labels: &Labels<'_>, p: &TokenStream) -> (TokenStream, TokenStream) {
    let name = labels.input.ident.to_string();
    let idents: Vec<_> = labels.variants.iter().map(|v| v.ident).collect();
    let texts: Vec<_> = labels.variants.iter().map(|v| &v.label).collect();
    let bytes = texts.iter().map(|text| LitByteStr::new(text.value().as_bytes(), text.span()));
    let encode = quote! {
        #p::Encode::encode(match *self { #(Self::#idents => #texts),* }, __ty, __out)
    };
    let decode = quote! {
        match __body {
            #(#bytes => #p::Ok(Self::#idents),)*
            _ => #p::Err(#p::unknown_label(__body, #name, &[#(#texts),*])),
        }
    };
    (encode, decode)
}

fn numbers(labels: &Labels<'_>, p: &TokenStream, number: &Ident) -> (TokenStream, TokenStream) {
    let name = labels.input.ident.to_string();
    let idents: Vec<_> = labels.variants.iter().map(|v| v.ident).collect();
    let consts: Vec<_> = (0..idents.len()).map(|i| format_ident!("__V{i}")).collect();
    let values = labels.variants.iter().map(|v| v.number);
    let all = quote!(#(const #consts: #p::#number = #values;)*);
    let encode = quote! {
        #all
        #p::Encode::encode(&match *self { #(Self::#idents => #consts),* }, __ty, __out)
    };
    let decode = quote! {
        #all
        match <#p::#number as #p::Decode<'__r>>::decode(__ty, __body)? {
            #(#consts => #p::Ok(Self::#idents),)*
            __other => #p::Err(#p::unknown_number(__other, #name, &[#(#consts),*])),
        }
    };
    (encode, decode)
}
