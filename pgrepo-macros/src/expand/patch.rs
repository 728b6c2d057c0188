use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{GenericParam, Lifetime};

use crate::generics::bounds;
use crate::insert::{Field, Insert};

use super::field::private;
use super::insert::at;
use super::record::without_defaults;
use super::scope;

/// What makes a user's own struct the changes of a row.
pub(crate) fn patch(patch: &Insert<'_>) -> TokenStream {
    let p = private(&patch.krate);
    let generics = &patch.input.generics;
    let (_, ty_generics, _) = generics.split_for_impl();
    let (name, of) = (&patch.input.ident, &patch.of);
    let life = Lifetime::new("'__q", proc_macro2::Span::call_site());
    let outlives: Vec<TokenStream> = generics.params.iter().filter_map(|p| outlives(p, &life)).collect();
    let bounds = bounds(generics, &outlives);
    let parameters = without_defaults(generics);
    let changes = patch.fields.iter().map(|field| change(patch, field, &p));
    scope(
        &patch.krate,
        &quote! {
            #[automatically_derived]
            impl<#life, #(#parameters),*> #p::Changes<#life, #of> for #name #ty_generics #bounds {
                fn assignments(self) -> #p::Vec<#p::Assignment<#life, #of>> {
                    let mut __all = #p::Vec::new();
                    #(__all.extend(#changes);)*
                    __all
                }
            }
        },
    )
}

fn outlives(parameter: &GenericParam, life: &Lifetime) -> Option<TokenStream> {
    match parameter {
        GenericParam::Lifetime(own) => {
            let own = &own.lifetime;
            Some(quote!(#own: #life))
        }
        GenericParam::Type(ty) => {
            let ty = &ty.ident;
            Some(quote!(#ty: #life))
        }
        GenericParam::Const(_) => None,
    }
}

/// The change of one column: it must be the table's, writable, and of a type that the field's fits.
fn change(patch: &Insert<'_>, field: &Field<'_>, p: &TokenStream) -> TokenStream {
    let (ident, ty, constant) = (field.ident, field.ty, &field.constant);
    let table = at(patch.of.to_token_stream(), ident.span());
    quote_spanned!(ident.span()=> #p::change::<#ty, _, _, _>(<#table>::#constant, self.#ident))
}
