use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, Lifetime, Type};

/// The lifetime of a row's buffer in generated code.
pub(crate) fn row_lifetime() -> Lifetime {
    Lifetime::new("'__r", Span::call_site())
}

/// Whether a type or a bound names an identifier.
pub(crate) fn mentions(tokens: impl ToTokens, ident: &Ident) -> bool {
    fn within(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(other) => other == *ident,
            TokenTree::Group(group) => within(group.stream(), ident),
            _ => false,
        })
    }
    within(tokens.into_token_stream(), ident)
}

/// Whether a type names a lifetime.
pub(crate) fn mentions_lifetime(tokens: impl ToTokens, lifetime: &Lifetime) -> bool {
    let before = tokens.into_token_stream();
    let other = Lifetime::new("'__other", Span::call_site());
    before.to_string() != rename(before.clone(), lifetime, &other).to_string()
}

/// The first type or constant parameter that a type depends on.
pub(crate) fn parameter_in<'g>(generics: &'g Generics, ty: &Type) -> Option<&'g Ident> {
    generics.params.iter().find_map(|parameter| {
        let ident = match parameter {
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
            GenericParam::Lifetime(_) => return None,
        };
        mentions(ty, ident).then_some(ident)
    })
}

/// The tokens with one lifetime in the place of another.
pub(crate) fn rename(tokens: impl ToTokens, from: &Lifetime, to: &Lifetime) -> TokenStream {
    fn within(tokens: TokenStream, from: &Ident, to: &Ident) -> TokenStream {
        let mut tick = false;
        let rename = |token| match token {
            TokenTree::Ident(ident) if std::mem::take(&mut tick) && ident == *from => {
                TokenTree::Ident(Ident::new(&to.to_string(), ident.span()))
            }
            TokenTree::Group(group) => {
                let mut renamed = proc_macro2::Group::new(group.delimiter(), within(group.stream(), from, to));
                renamed.set_span(group.span());
                TokenTree::Group(renamed)
            }
            other => {
                tick = matches!(&other, TokenTree::Punct(p) if p.as_char() == '\'');
                other
            }
        };
        tokens.into_iter().map(rename).collect()
    }
    within(tokens.into_token_stream(), &from.ident, &to.ident)
}

/// A struct's parameters as arguments, with a lifetime in the place of its own.
pub(crate) fn arguments(generics: &Generics, lifetime: &Lifetime) -> TokenStream {
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => lifetime.to_token_stream(),
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
    });
    if generics.params.is_empty() { TokenStream::new() } else { quote!(<#(#arguments),*>) }
}

/// A `where` clause of the user's own predicates and more.
pub(crate) fn bounds(generics: &Generics, more: &[TokenStream]) -> TokenStream {
    let own = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    if more.is_empty() && generics.where_clause.is_none() {
        return TokenStream::new();
    }
    quote!(where #(#own,)* #(#more,)*)
}

/// A type as the source writes it, near enough.
pub(crate) fn source(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, plain) in
        [(" <", "<"), ("< ", "<"), (" >", ">"), (" ::", "::"), (":: ", "::"), ("& ", "&"), (" ,", ","), (" ;", ";")]
    {
        text = text.replace(spaced, plain);
    }
    text
}
