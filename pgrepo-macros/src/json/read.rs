use std::collections::HashMap;

use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Type, Visibility};

use crate::attr::Attrs;
use crate::ctxt::Ctxt;
use crate::symbol::{CONSTANT, OPAQUE, Place as On};

use super::attrs::{On as SerdeOn, Serde};
use super::{Document, Form, Holds, Place, Step, case};

/// How the variants of an enum are told apart.
enum Tagging {
    External,
    Internal,
    Adjacent { content: String },
    Untagged,
}

/// What is the same for all fields of a struct or a variant.
struct Around<'v> {
    /// The steps to the object or array that the fields make.
    steps: Vec<Step>,
    /// What constants' names begin with.
    prefix: String,
    case: Option<String>,
    /// Where the fields have no visibility of their own, as those of variants.
    vis: Option<&'v Visibility>,
    /// Whether one field without a name stands among the keys of the object, as internal tags have it.
    flat: bool,
    /// Whether it is itself what its one field is, whatever its shape.
    transparent: bool,
}

impl<'a> Document<'a> {
    /// Reads a struct or an enum with its attributes.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let krate = Attrs::read(ctxt, &input.attrs, On::Json).krate();
        let serde = Serde::read(ctxt, &input.attrs, SerdeOn::Container, false);
        let tag = serde.name("tag");
        let case = serde.name("rename_all");
        let mut places = Vec::new();
        match &input.data {
            Data::Struct(data) => {
                if let Some(tag) = &tag {
                    places.push(tag_of(input, tag.clone()));
                }
                let transparent = serde.has("transparent");
                let around = Around { steps: vec![], prefix: String::new(), case, vis: None, flat: false, transparent };
                fields(ctxt, &data.fields, &around, &mut places);
            }
            Data::Enum(data) => {
                let content = serde.name("content");
                if let Some(tag) = &tag {
                    places.push(tag_of(input, tag.clone()));
                }
                let tagging = match (&tag, content) {
                    _ if serde.has("untagged") => Tagging::Untagged,
                    (None, _) => Tagging::External,
                    (Some(_), None) => Tagging::Internal,
                    (Some(_), Some(content)) => Tagging::Adjacent { content },
                };
                let field_case = serde.name("rename_all_fields");
                for one in &data.variants {
                    variant(ctxt, one, &tagging, case.as_deref(), field_case.clone(), input, &mut places);
                }
            }
            Data::Union(_) => {
                ctxt.error(&input.ident, "a document is a struct or an enum, not a union");
                return None;
            }
        }
        let form = form(&input.data, tag.is_some(), serde.has("transparent"));
        let document = Self { input, krate, places, form };
        document.check(ctxt);
        Some(document)
    }

    fn check(&self, ctxt: &Ctxt) {
        let mut seen: HashMap<String, &Ident> = HashMap::new();
        for place in self.places.iter().filter(|place| place.constant != "_") {
            if seen.insert(place.constant.to_string(), &place.constant).is_some() {
                ctxt.error(
                    &place.constant,
                    format_args!(
                        "the constant `{}` is already that of another field; name one: #[pg(constant = \"…\")]",
                        place.constant
                    ),
                );
            }
            if place.steps.iter().any(|step| matches!(step, Step::Key(key) if key.contains('\0'))) {
                ctxt.error(&place.constant, "a key of a jsonb document cannot hold a NUL character");
            }
        }
    }
}

fn form(data: &Data, tagged: bool, transparent: bool) -> Form {
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) if !transparent => Form::Object,
            Fields::Unnamed(fields) if !transparent && fields.unnamed.len() > 1 => Form::Array,
            _ => Form::Other,
        },
        Data::Enum(data) if tagged || data.variants.iter().any(|v| !v.fields.is_empty()) => Form::Object,
        _ => Form::Other,
    }
}

fn tag_of(input: &DeriveInput, tag: String) -> Place<'_> {
    let constant = Ident::new("TAG", input.ident.span());
    Place { constant, vis: &input.vis, steps: vec![Step::Key(tag)], holds: Holds::Tag }
}

fn variant<'a>(
    ctxt: &Ctxt,
    variant: &'a syn::Variant,
    tagging: &Tagging,
    case: Option<&str>,
    field_case: Option<String>,
    input: &'a DeriveInput,
    places: &mut Vec<Place<'a>>,
) {
    let attrs = Attrs::read(ctxt, &variant.attrs, On::JsonVariant);
    let serde = Serde::read(ctxt, &variant.attrs, SerdeOn::Variant, false);
    if serde.has("skip") || serde.has("skip_serializing") {
        return;
    }
    let own = variant.ident.unraw().to_string();
    let name = serde.name("rename");
    let name = name.unwrap_or_else(|| case.map_or_else(|| own.clone(), |case| case::variant(case, &own)));
    let untagged = serde.has("untagged");
    let steps = match tagging {
        _ if untagged => vec![],
        Tagging::External => vec![Step::Key(name)],
        Tagging::Adjacent { content } => vec![Step::Key(content.clone())],
        Tagging::Internal | Tagging::Untagged => vec![],
    };
    let prefix = attrs.text(CONSTANT).map_or_else(|| crate::case::snake(&own).to_uppercase(), |text| text.value());
    let around = Around {
        steps,
        prefix,
        case: serde.name("rename_all").or(field_case),
        vis: Some(&input.vis),
        flat: !untagged && matches!(tagging, Tagging::Internal),
        transparent: false,
    };
    fields(ctxt, &variant.fields, &around, places);
}

fn fields<'a>(ctxt: &Ctxt, fields: &'a Fields, around: &Around<'a>, places: &mut Vec<Place<'a>>) {
    let single = matches!(fields, Fields::Unnamed(_)) && fields.len() == 1;
    let mut index = 0;
    for (number, field) in fields.iter().enumerate() {
        let attrs = Attrs::read(ctxt, &field.attrs, On::JsonField);
        let opaque = attrs.flag(OPAQUE);
        let serde = Serde::read(ctxt, &field.attrs, SerdeOn::Field, opaque);
        let is_left_out = serde.has("skip") || serde.has("skip_serializing");
        if is_left_out || (around.transparent && is_phantom(field)) {
            continue;
        }
        let mut steps = around.steps.clone();
        let flat = serde.has("flatten") || (single && around.flat);
        match &field.ident {
            _ if flat || single || around.transparent => {}
            Some(ident) => {
                let own = ident.unraw().to_string();
                let name = serde.name("rename");
                let case = around.case.as_deref();
                steps.push(Step::Key(
                    name.unwrap_or_else(|| case.map_or_else(|| own.clone(), |case| case::field(case, &own))),
                ));
            }
            None => steps.push(Step::Index(index)),
        }
        index += 1;
        let own = match &field.ident {
            Some(ident) => ident.unraw().to_string().to_uppercase(),
            None if single && around.prefix.is_empty() => "INNER".to_owned(),
            None if single => String::new(),
            None if around.prefix.is_empty() => format!("FIELD_{number}"),
            None => number.to_string(),
        };
        let words = [around.prefix.as_str(), own.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let span = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
        let constant = if attrs.key(CONSTANT).is_some() {
            attrs.parsed(CONSTANT, "the name of a constant")
        } else {
            let name = syn::parse_str::<Ident>(&words.join("_")).ok();
            if name.is_none() {
                ctxt.error(field, "no constant can be named after this field; name it: #[pg(constant = \"…\")]");
            }
            name.map(|name| Ident::new(&name.to_string(), span))
        };
        let holds = match (opaque, flat) {
            (true, true) => Holds::FlatOpaque,
            (true, false) => Holds::Opaque,
            (false, true) => Holds::Flat(&field.ty),
            (false, false) => Holds::Value(&field.ty),
        };
        places.push(Place {
            constant: constant.unwrap_or_else(|| format_ident!("_")),
            vis: around.vis.unwrap_or(&field.vis),
            steps,
            holds,
        });
    }
}

/// Whether serde, too, takes a field for a marker, beside which a transparent struct has its one field.
fn is_phantom(field: &Field) -> bool {
    matches!(&field.ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
}
