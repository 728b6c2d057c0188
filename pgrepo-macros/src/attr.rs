use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Lit, LitStr, Meta, Path, Token, Type, parse_quote};

use crate::case::Case;
use crate::ctxt::Ctxt;
use crate::symbol::{CRATE, PG, Place, RENAME_ALL, REPEATED, Symbol, listed};

/// The words of all `#[pg(…)]` attributes of one item.
pub(crate) struct Attrs<'c> {
    ctxt: &'c Ctxt,
    items: Vec<Item>,
    /// Whether something could not be read, so that a missing key may only be misspelt.
    misread: bool,
}

/// A word with its value, if it has one.
struct Item {
    key: Ident,
    value: Option<Value>,
}

enum Value {
    Lit(Lit),
    Type(Box<Type>),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            return Ok(Self { key, value: None });
        }
        input.parse::<Token![=]>()?;
        let value = if input.peek(Lit) { Value::Lit(input.parse()?) } else { Value::Type(Box::new(input.parse()?)) };
        Ok(Self { key, value: Some(value) })
    }
}

impl<'c> Attrs<'c> {
    /// Reads the attributes; what is unknown or given twice is an error and is left out.
    pub(crate) fn read(ctxt: &'c Ctxt, attrs: &[Attribute], place: Place) -> Self {
        let mut items: Vec<Item> = Vec::new();
        let mut misread = false;
        for attr in attrs.iter().filter(|a| a.path().is_ident(PG.0)) {
            if let Meta::Path(path) = &attr.meta {
                ctxt.error(path, "expected words in parentheses: #[pg(…)]");
                continue;
            }
            match attr.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
                Ok(found) => {
                    for item in found {
                        misread |= !Self::take(ctxt, place, item, &mut items);
                    }
                }
                Err(error) => {
                    misread = true;
                    ctxt.push(error);
                }
            }
        }
        Self { ctxt, items, misread }
    }

    fn take(ctxt: &Ctxt, place: Place, item: Item, items: &mut Vec<Item>) -> bool {
        if !place.known().iter().any(|known| item.key == *known) {
            let known = match place.known() {
                [] => format!("{place} none is known"),
                [one] => format!("{place} the known one is `{one}`"),
                many => format!("{place} the known ones are {}", listed(many)),
            };
            ctxt.error(&item.key, format_args!("unknown key `{}`; {known}", item.key));
            return false;
        }
        let repeated = REPEATED.iter().any(|key| item.key == *key);
        if !repeated && items.iter().any(|other| other.key == item.key) {
            ctxt.error(&item.key, format_args!("`{}` is given twice", item.key));
        } else {
            items.push(item);
        }
        true
    }

    fn item(&self, symbol: Symbol) -> Option<&Item> {
        self.items.iter().find(|item| item.key == symbol)
    }

    /// The texts that are given for a key that may be given several times.
    pub(crate) fn texts(&self, symbol: Symbol) -> Vec<LitStr> {
        let items = self.items.iter().filter(|item| item.key == symbol);
        items.filter_map(|item| self.text_of(item, symbol)).collect()
    }

    fn text_of(&self, item: &Item, symbol: Symbol) -> Option<LitStr> {
        let message = format!("`{symbol}` takes a text: #[pg({symbol} = \"…\")]");
        match &item.value {
            Some(Value::Lit(Lit::Str(text))) => return Some(text.clone()),
            Some(other) => other.refuse(self.ctxt, message),
            None => self.ctxt.error(&item.key, message),
        }
        None
    }

    /// The keys that are given, in the order of the source.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Ident> {
        self.items.iter().map(|item| &item.key)
    }

    /// Whether a key is missing, and not only misspelt.
    pub(crate) fn lacks(&self, symbol: Symbol) -> bool {
        self.key(symbol).is_none() && !self.misread
    }

    /// Where a key stands, whatever its value is.
    pub(crate) fn key(&self, symbol: Symbol) -> Option<&Ident> {
        self.item(symbol).map(|item| &item.key)
    }

    /// Whether a key without a value is given.
    pub(crate) fn flag(&self, symbol: Symbol) -> bool {
        match self.item(symbol) {
            None => false,
            Some(Item { value: None, .. }) => true,
            Some(Item { value: Some(value), .. }) => {
                value.refuse(self.ctxt, format_args!("`{symbol}` takes no value: #[pg({symbol})]"));
                true
            }
        }
    }

    /// The text that is given for a key.
    pub(crate) fn text(&self, symbol: Symbol) -> Option<LitStr> {
        self.text_of(self.item(symbol)?, symbol)
    }

    /// The text that is given for a key which may also stand alone.
    pub(crate) fn optional_text(&self, symbol: Symbol) -> Option<LitStr> {
        let item = self.item(symbol)?;
        item.value.as_ref().and_then(|_| self.text_of(item, symbol))
    }

    /// The text that is given for a key, as a piece of Rust.
    pub(crate) fn parsed<T: Parse>(&self, symbol: Symbol, what: &str) -> Option<T> {
        let text = self.text(symbol)?;
        text.parse().map_err(|_| self.ctxt.error(&text, format_args!("`{symbol}` takes {what} in quotes"))).ok()
    }

    /// The type that is given for a key.
    pub(crate) fn ty(&self, symbol: Symbol) -> Option<Type> {
        let item = self.item(symbol)?;
        match &item.value {
            Some(Value::Type(ty)) => return Some(Type::clone(ty)),
            Some(value) => value.refuse(self.ctxt, format_args!("`{symbol}` takes a type: #[pg({symbol} = User)]")),
            None => self.ctxt.error(&item.key, format_args!("`{symbol}` takes a type: #[pg({symbol} = User)]")),
        }
        None
    }

    /// The case of `rename_all`.
    pub(crate) fn case(&self) -> Option<Case> {
        let text = self.text(RENAME_ALL)?;
        let case = Case::parse(&text.value());
        if case.is_none() {
            let known = listed(Case::NAMES);
            self.ctxt.error(&text, format_args!("unknown case {:?}; the known ones are {known}", text.value()));
        }
        case
    }

    /// The path of the runtime crate.
    pub(crate) fn krate(&self) -> Path {
        self.parsed(CRATE, "a path").unwrap_or_else(|| parse_quote!(::pgrepo))
    }
}

impl Value {
    fn refuse(&self, ctxt: &Ctxt, message: impl std::fmt::Display) {
        match self {
            Self::Lit(lit) => ctxt.error(lit, message),
            Self::Type(ty) => ctxt.error(ty, message),
        }
    }
}
