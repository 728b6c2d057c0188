use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DeriveInput, Path};

use crate::generics::bounds;
use crate::json::{Document, Form, Holds, Step};

use super::field::private;

/// A constant for each place in a document, and what the document is.
pub(crate) fn json(document: &Document<'_>) -> TokenStream {
    let p = private(&document.krate);
    let (impl_generics, ty_generics, _) = document.input.generics.split_for_impl();
    let bounds = bounds(&document.input.generics, &[]);
    let name = &document.input.ident;
    let constants = document.places.iter().filter(|place| place.constant != "_").map(|place| {
        let (constant, vis) = (&place.constant, place.vis);
        let steps = place.steps.iter().map(|step| match step {
            Step::Key(key) => quote!(#p::json::JsonStep::Key(#key)),
            Step::Index(index) => quote!(#p::json::JsonStep::Index(#index)),
        });
        let kind = match &place.holds {
            Holds::Value(ty) => quote!(#p::json::JsonField<Self, #ty>),
            Holds::Flat(ty) => quote!(#p::json::JsonFlat<Self, #ty>),
            Holds::Tag => quote!(#p::json::JsonField<Self, #p::String>),
            Holds::Opaque => quote!(#p::json::JsonField<Self, #p::JsonValue>),
            Holds::FlatOpaque => quote!(#p::json::JsonFlat<Self, #p::JsonValue>),
        };
        let doc = format!("A place in the JSON form of `{}`.", name.unraw());
        quote! {
            #[doc = #doc]
            #vis const #constant: #kind = <#kind>::new(&[#(#steps),*]);
        }
    });
    let forms = forms(&document.krate, document.input, document.form);
    quote! {
        #[allow(dead_code, unused_qualifications, clippy::absolute_paths, clippy::use_self)]
        impl #impl_generics #name #ty_generics #bounds {
            #(#constants)*
        }
        #forms
    }
}

/// What the JSON is, as far as it is known.
pub(crate) fn forms(krate: &Path, input: &DeriveInput, form: Form) -> TokenStream {
    let p = private(krate);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let bounds = bounds(&input.generics, &[]);
    let name = &input.ident;
    let container = (form != Form::Other).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #p::json::JsonContainer for #name #ty_generics #bounds {}
        }
    });
    let object = (form == Form::Object).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #p::json::JsonObject for #name #ty_generics #bounds {}
        }
    });
    quote!(#container #object)
}
