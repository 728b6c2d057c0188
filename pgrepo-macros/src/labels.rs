use std::collections::HashMap;

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Expr, Fields, LitStr, Path};

use crate::attr::Attrs;
use crate::case::snake;
use crate::check;
use crate::ctxt::Ctxt;
use crate::symbol::{NAME, Place, RENAME, RENAME_ALL, REPR, SCHEMA, TEXT};

/// An enum whose variants are values of a column.
pub(crate) struct Labels<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) krate: Path,
    pub(crate) kept: Kept,
    pub(crate) variants: Vec<Variant<'a>>,
}

/// As what the variants are kept.
pub(crate) enum Kept {
    /// As labels of an enum of PostgreSQL's.
    Enum { name: LitStr, schema: Option<LitStr> },
    /// As text.
    Text,
    /// As numbers, in this Rust type.
    Number(&'static str),
}

/// A variant with what stands for it.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) label: LitStr,
    pub(crate) number: Option<&'a Expr>,
}

/// The integer types, by the names of PostgreSQL.
const NUMBERS: &[(&str, &str)] = &[("int2", "i16"), ("int4", "i32"), ("int8", "i64")];

impl<'a> Labels<'a> {
    /// Reads an enum with its attributes.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let attrs = Attrs::read(ctxt, &input.attrs, Place::Enum);
        let kept = Kept::read(ctxt, &attrs, input);
        let case = attrs.case();
        let krate = attrs.krate();
        let Data::Enum(data) = &input.data else {
            ctxt.error(
                &input.ident,
                "the values of PgEnum are an enum's variants (a struct of one field derives PgNewtype)",
            );
            return None;
        };
        if let Some(parameter) = input.generics.params.first() {
            ctxt.error(parameter, "an enum of values has no parameters");
        }
        if data.variants.is_empty() {
            ctxt.error(&input.ident, "this enum has no variants, so it has no values");
        }
        let variants: Vec<_> = data.variants.iter().map(|variant| {
            let attrs = Attrs::read(ctxt, &variant.attrs, Place::Variant);
            if !matches!(variant.fields, Fields::Unit) {
                ctxt.error(&variant.fields, format_args!("a value has no fields of its own, and `{}` has", variant.ident));
            }
            let label = attrs.text(RENAME).unwrap_or_else(|| {
                let name = variant.ident.to_string();
                let name = name.strip_prefix("r#").unwrap_or(&name);
                LitStr::new(&case.map_or_else(|| name.to_owned(), |case| case.variant(name)), variant.ident.span())
            });
            if let (Kept::Number(_), Some(key)) = (&kept, attrs.key(RENAME)) {
                ctxt.error(key, "`rename` and `repr` contradict each other: the variants are kept as numbers");
            }
            let number = variant.discriminant.as_ref().map(|(_, number)| number);
            if let (Kept::Number(_), None) = (&kept, number) {
                ctxt.error(
                    &variant.ident,
                    format_args!(
                        "write the number that stands for `{0}`: {0} = 1 (a number that is counted changes when variants move)",
                        variant.ident
                    ),
                );
            }
            Variant { ident: &variant.ident, label, number }
        }).collect();
        let labels = Self { input, krate, kept, variants };
        labels.check(ctxt);
        Some(labels)
    }

    fn check(&self, ctxt: &Ctxt) {
        match &self.kept {
            Kept::Number(_) => return,
            Kept::Text => {}
            Kept::Enum { name, schema } => {
                check::identifier(ctxt, name, "an enum's name");
                if let Some(schema) = schema {
                    check::identifier(ctxt, schema, "a schema's name");
                }
                for variant in &self.variants {
                    check::identifier(ctxt, &variant.label, "an enum's label");
                }
            }
        }
        let mut seen: HashMap<String, &Ident> = HashMap::new();
        for Variant { ident, label, .. } in &self.variants {
            if let Some(first) = seen.get(&label.value()) {
                ctxt.error(label, format_args!("the label {:?} already stands for `{first}`", label.value()));
            } else {
                seen.insert(label.value(), ident);
            }
        }
    }
}

impl Kept {
    fn read(ctxt: &Ctxt, attrs: &Attrs<'_>, input: &DeriveInput) -> Self {
        for (chosen, why) in [(TEXT, "the variants are kept as text"), (REPR, "the variants are kept as numbers")] {
            let others: &[_] = if chosen == REPR { &[NAME, SCHEMA, TEXT, RENAME_ALL] } else { &[NAME, SCHEMA] };
            for other in others.iter().filter(|other| attrs.key(chosen).is_some() && attrs.key(**other).is_some()) {
                if let Some(key) = attrs.key(*other) {
                    ctxt.error(key, format_args!("`{other}` and `{chosen}` contradict each other: {why}"));
                }
            }
        }
        let name = attrs.text(NAME);
        let schema = attrs.text(SCHEMA);
        let text = attrs.flag(TEXT);
        if let Some(repr) = attrs.text(REPR) {
            match NUMBERS.iter().find(|(sql, _)| *sql == repr.value()) {
                Some((_, rust)) => return Self::Number(rust),
                None => ctxt.error(
                    &repr,
                    format_args!("unknown type {:?}; the known ones are `int2`, `int4` and `int8`", repr.value()),
                ),
            }
        }
        if text || attrs.key(REPR).is_some() {
            return Self::Text;
        }
        let name = name.unwrap_or_else(|| LitStr::new(&snake(&input.ident.to_string()), input.ident.span()));
        Self::Enum { name, schema }
    }
}
