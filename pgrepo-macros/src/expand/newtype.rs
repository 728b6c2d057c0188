use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Lifetime;
use syn::spanned::Spanned;

use crate::generics::{self, bounds, parameter_in, rename};
use crate::newtype::Newtype;

use super::field::private;
use super::record::without_defaults;
use super::scope;

/// The codec of a newtype: its field's.
///
/// A bound on the field's type names a lifetime, so that the compiler looks at it where the newtype is used and not
/// here; the one in `SqlType` does not, so that a type which fits no column is an error here, once.
pub(crate) fn newtype(newtype: &Newtype<'_>) -> TokenStream {
    let p = private(&newtype.krate);
    let (name, ty) = (&newtype.input.ident, newtype.ty);
    let member = newtype.field.map_or_else(|| quote!(0), |field| quote!(#field));
    let generics = &newtype.input.generics;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let dependent = parameter_in(generics, ty).is_some();
    let describe = bounds(generics, &if dependent { vec![quote!(#ty: #p::SqlType)] } else { vec![] });
    let write = bounds(generics, &if dependent { vec![quote!(#ty: #p::Encode)] } else { vec![] });
    let span = ty.span();
    let types = match (&newtype.domain, &newtype.schema) {
        (None, _) => quote_spanned!(span=> <#ty as #p::SqlType>::TYPES),
        (Some(domain), schema) => {
            let schema = schema.as_ref().map(|schema| quote!(.in_schema(#schema)));
            quote_spanned! {span=>
                &#p::with_domain::<{ #p::TypeOf::<#ty>::TYPES.len() + 1 }>(
                    #p::PgType::named(#domain)#schema,
                    <#ty as #p::SqlType>::TYPES,
                )
            }
        }
    };
    let definition = if newtype.domain.is_some() {
        quote! {
            #p::Some(&#p::TypeDefinition::Domain {
                ty: <Self as #p::SqlType>::TYPES[0],
                base: #p::first(#p::TypeOf::<#ty>::TYPES),
                array: #p::TypeOf::<#ty>::ARRAY,
                definition: #p::TypeOf::<#ty>::DEFINITION,
            })
        }
    } else {
        quote!(#p::TypeOf::<#ty>::DEFINITION)
    };
    let later = Lifetime::new("'__c", span);
    let parameters: Vec<_> = without_defaults(generics).collect();
    let element = bounds(generics, &[quote!(#ty: #p::ElementFor<#later>)]);
    let text = bounds(generics, &[quote!(#ty: #p::IsTextFor<#later>)]);
    let read = decode(newtype, &p, dependent);
    scope(
        &newtype.krate,
        &quote! {
            #[automatically_derived]
            impl #impl_generics #p::SqlType for #name #ty_generics #describe {
                const TYPES: &'static [#p::PgType] = #types;
                const ARRAY: #p::bool = #p::TypeOf::<#ty>::ARRAY;
                const NULLABLE: #p::bool = #p::TypeOf::<#ty>::NULLABLE;
                const DEFINITION: #p::Option<&'static #p::TypeDefinition> = #definition;
                fn accepts(__ty: &#p::TypeInfo) -> #p::bool {
                    #p::TypeOf::<#ty>::accepts(__ty)
                }
            }
            #[automatically_derived]
            impl<#later, #(#parameters),*> #p::Element for #name #ty_generics #element {}
            #[automatically_derived]
            impl<#later, #(#parameters),*> #p::IsText for #name #ty_generics #text {}
            #[automatically_derived]
            impl #impl_generics #p::Encode for #name #ty_generics #write {
                #[inline]
                fn encode(&self, __ty: &#p::TypeInfo, __out: &mut #p::Vec<#p::u8>) -> #p::Result<(), #p::ValueError> {
                    #p::TypeOf::<#ty>::encode(&self.#member, __ty, __out)
                }
                #[inline]
                fn is_null(&self) -> #p::bool {
                    #p::TypeOf::<#ty>::is_null(&self.#member)
                }
            }
            #read
        },
    )
}

fn decode(newtype: &Newtype<'_>, p: &TokenStream, dependent: bool) -> TokenStream {
    let (name, ty) = (&newtype.input.ident, newtype.ty);
    let whole = |value: TokenStream| match newtype.field {
        Some(field) => quote!(#name { #field: #value }),
        None => quote!(#name(#value)),
    };
    let generics = &newtype.input.generics;
    let row = generics::row_lifetime();
    let arguments = generics::arguments(generics, &row);
    let own = generics.lifetimes().next().map(|l| l.lifetime.clone());
    let borrowed = |tokens: TokenStream| own.as_ref().map_or(tokens.clone(), |own| rename(tokens, own, &row));
    let parameters = without_defaults(generics).filter(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
    let parameters = borrowed(quote!(#(#parameters),*));
    let ty = borrowed(quote!(#ty));
    let bounds = borrowed(bounds(generics, &if dependent { vec![quote!(#ty: #p::Decode<#row>)] } else { vec![] }));
    let span = newtype.ty.span();
    let value = whole(quote_spanned!(span=> #p::TypeOf::<#ty>::decode(__ty, __body)?));
    let null = whole(quote_spanned!(span=> #p::TypeOf::<#ty>::decode_null()?));
    quote_spanned! {span=>
        #[automatically_derived]
        impl<#row, #parameters> #p::Decode<#row> for #name #arguments #bounds {
            #[inline]
            fn decode(__ty: &#p::TypeInfo, __body: &#row [#p::u8]) -> #p::Result<Self, #p::ValueError> {
                #p::Ok(#value)
            }
            #[inline]
            fn decode_null() -> #p::Result<Self, #p::ValueError> {
                #p::Ok(#null)
            }
        }
    }
}
