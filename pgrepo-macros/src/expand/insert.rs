use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::generics::source;
use crate::insert::{Field, Insert};

use super::field::private;
use super::scope;

/// What makes a user's own struct a row of a table.
pub(crate) fn insert(insert: &Insert<'_>) -> TokenStream {
    let p = private(&insert.krate);
    let (impl_generics, ty_generics, bounds) = insert.input.generics.split_for_impl();
    let (name, of) = (&insert.input.ident, &insert.of);
    let columns = insert.fields.iter().map(|f| column(insert, f, &p));
    let writes = insert.fields.iter().map(|field| {
        let Field { ident, ty, wrapped, .. } = field;
        let write = syn::Ident::new(if *wrapped { "write_set" } else { "write" }, ty.span());
        quote_spanned!(ty.span()=> #p::Field::<#ty>::#write(&self.#ident, __writer)?;)
    });
    scope(
        &insert.krate,
        &quote! {
            #[automatically_derived]
            impl #impl_generics #p::WriteFields for #name #ty_generics #bounds {
                const COLUMNS: &'static [#p::ColumnMeta] = &[#(#columns),*];
                #[inline]
                fn write_fields<__W: #p::FieldWriter>(&self, __writer: &mut __W) -> #p::Result<(), #p::FieldError> {
                    #(#writes)*
                    #p::Ok(())
                }
            }
            #[automatically_derived]
            impl #impl_generics #p::WriteRow for #name #ty_generics #bounds {
                type Table = #of;
            }
        },
    )
}

/// The column that a field is written to: it must be the table's, writable, and of a type that the field's fits.
fn column(insert: &Insert<'_>, field: &Field<'_>, p: &TokenStream) -> TokenStream {
    let (ident, ty, constant) = (field.ident, field.ty, &field.constant);
    let (name, rust) = (ident.to_string(), source(ty));
    let name = name.strip_prefix("r#").unwrap_or(&name);
    let table = at(insert.of.to_token_stream(), ident.span());
    quote_spanned!(ident.span()=> #p::insert_column::<#ty, _, _, _>(<#table>::#constant, #name, #rust))
}

/// The tokens, as if they stood at `span`.
pub(super) fn at(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = TokenTree::Group(Group::new(group.delimiter(), at(group.stream(), span)));
            }
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}
