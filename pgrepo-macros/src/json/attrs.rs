//! serde's attributes, as far as they decide on the JSON form.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, LitStr, Token, parenthesized};

use crate::ctxt::Ctxt;

/// Where an attribute of serde's stands.
#[derive(Clone, Copy)]
pub(super) enum On {
    Container,
    Variant,
    Field,
}

impl On {
    /// The words that decide on the JSON form and are followed.
    fn followed(self) -> &'static [&'static str] {
        match self {
            Self::Container => &["rename_all", "rename_all_fields", "tag", "content", "untagged", "transparent"],
            Self::Variant => &["rename", "rename_all", "skip", "skip_serializing", "untagged"],
            Self::Field => &["rename", "skip", "skip_serializing", "flatten"],
        }
    }

    /// The words that change nothing of where a value is written; most are about reading only.
    fn without_effect(self) -> &'static [&'static str] {
        match self {
            Self::Container => {
                &["rename", "default", "deny_unknown_fields", "bound", "crate", "expecting", "from", "try_from"]
            }
            Self::Variant => &["alias", "skip_deserializing", "deserialize_with", "other", "bound", "borrow"],
            Self::Field => &[
                "alias",
                "default",
                "skip_deserializing",
                "deserialize_with",
                "skip_serializing_if",
                "bound",
                "borrow",
            ],
        }
    }

    fn way_out(self) -> &'static str {
        match self {
            Self::Container => "leave PgJson off: a field of this type is then a leaf, compared as a whole",
            Self::Variant => "leave PgJson off this enum: a field of its type is then a leaf, compared as a whole",
            Self::Field => "mark the field #[pg(opaque)], and it is JSON of any form to paths",
        }
    }
}

/// A word of an attribute with its value or the words in its parentheses.
struct Item {
    key: Ident,
    value: Option<Expr>,
    nested: Vec<Item>,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let (mut value, mut nested) = (None, Vec::new());
        if input.peek(syn::token::Paren) {
            let within;
            parenthesized!(within in input);
            nested = Punctuated::<Self, Token![,]>::parse_terminated(&within)?.into_iter().collect();
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            value = Some(input.parse()?);
        }
        Ok(Self { key, value, nested })
    }
}

/// All of serde's words on one item.
pub(super) struct Serde {
    items: Vec<Item>,
}

impl Serde {
    /// Reads them; those that cannot be followed are errors, unless the item is opaque.
    pub(super) fn read(ctxt: &Ctxt, attrs: &[Attribute], on: On, opaque: bool) -> Self {
        let mut items = Vec::new();
        for attr in attrs.iter().filter(|a| a.path().is_ident("serde")) {
            // What serde cannot read either is its own to report.
            let Ok(found) = attr.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) else { continue };
            items.extend(found);
        }
        for item in items.iter().filter(|_| !opaque) {
            let key = item.key.unraw().to_string();
            if !on.followed().contains(&key.as_str()) && !on.without_effect().contains(&key.as_str()) {
                ctxt.error(
                    &item.key,
                    format_args!(
                        "a JSON path cannot follow serde's `{key}`, which changes the form in a way of its own; {}",
                        on.way_out()
                    ),
                );
            }
        }
        Self { items }
    }

    fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key.unraw() == key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.item(key).is_some()
    }

    /// The name that is written, by `key = "…"` or `key(serialize = "…")`; one that is only read is none.
    pub(super) fn name(&self, key: &str) -> Option<String> {
        self.items.iter().filter(|item| item.key.unraw() == key).find_map(|item| match &item.value {
            Some(value) => text(value),
            None => item.nested.iter().find(|i| i.key == "serialize")?.value.as_ref().and_then(text),
        })
    }
}

fn text(value: &Expr) -> Option<String> {
    let tokens: TokenStream = quote::ToTokens::to_token_stream(value);
    syn::parse2::<LitStr>(tokens).ok().map(|text| text.value())
}
