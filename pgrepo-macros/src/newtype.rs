use proc_macro2::Ident;
use syn::{Data, DeriveInput, LitStr, Path, Type};

use crate::attr::Attrs;
use crate::check;
use crate::ctxt::Ctxt;
use crate::generics;
use crate::symbol::{DOMAIN, Place, SCHEMA};

/// A struct of one field that stands in a column as that field.
pub(crate) struct Newtype<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) krate: Path,
    pub(crate) domain: Option<LitStr>,
    pub(crate) schema: Option<LitStr>,
    /// The field's name, if it has one.
    pub(crate) field: Option<&'a Ident>,
    pub(crate) ty: &'a Type,
}

impl<'a> Newtype<'a> {
    /// Reads a struct with its attributes.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let attrs = Attrs::read(ctxt, &input.attrs, Place::Newtype);
        let (domain, schema) = (attrs.text(DOMAIN), attrs.text(SCHEMA));
        let krate = attrs.krate();
        if let (Some(key), None) = (attrs.key(SCHEMA), attrs.key(DOMAIN)) {
            ctxt.error(key, "`schema` is that of the domain, and there is none: add `domain`");
        }
        for (name, what) in [(&domain, "a domain's name"), (&schema, "a schema's name")] {
            if let Some(name) = name {
                check::identifier(ctxt, name, what);
            }
        }
        if let Some(second) = input.generics.lifetimes().nth(1) {
            ctxt.error(&second.lifetime, "a value borrows from one buffer, so its struct has at most one lifetime");
        }
        let fields = match &input.data {
            Data::Struct(data) => &data.fields,
            Data::Enum(_) => {
                ctxt.error(&input.ident, "a newtype is a struct of one field (an enum derives PgEnum)");
                return None;
            }
            Data::Union(_) => {
                ctxt.error(&input.ident, "a newtype is a struct of one field");
                return None;
            }
        };
        for field in fields {
            Attrs::read(ctxt, &field.attrs, Place::NewtypeField);
        }
        let mut all = fields.iter();
        let (Some(field), None) = (all.next(), all.next()) else {
            let count = fields.len();
            ctxt.error(&input.ident, format_args!("a newtype has one field, and this struct has {count}"));
            return None;
        };
        if let (Some(domain), Some(parameter)) = (&domain, generics::parameter_in(&input.generics, &field.ty)) {
            ctxt.error(domain, format_args!("a domain rests on one type, and this one depends on `{parameter}`"));
        }
        Some(Self { input, krate, domain, schema, field: field.ident.as_ref(), ty: &field.ty })
    }
}
