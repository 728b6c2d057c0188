use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{DeriveInput, Path, Type};

use crate::ast::{constant_of, named_fields, wrapped};
use crate::attr::Attrs;
use crate::ctxt::Ctxt;
use crate::symbol::{CONSTANT, OF, Place, SKIP};

/// A struct of the user's for some columns of a table: a row to be inserted, or changes of one.
pub(crate) struct Insert<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) krate: Path,
    pub(crate) of: Type,
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field with the column that it is written to.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    /// The value's type, without `Set`, or without the `Option` of a change.
    pub(crate) ty: &'a Type,
    /// Whether the type is wrapped so.
    pub(crate) wrapped: bool,
    /// The column's constant, or an expression that begins with it.
    pub(crate) constant: TokenStream,
}

impl<'a> Insert<'a> {
    /// Reads a row's struct with its attributes.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        Self::read_as(ctxt, input, Place::InsertStruct, Place::InsertField, "Set")
    }

    /// Reads a struct of changes with its attributes.
    pub(crate) fn read_patch(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let patch = Self::read_as(ctxt, input, Place::PatchStruct, Place::PatchField, "Option")?;
        for field in patch.fields.iter().filter(|f| !f.wrapped) {
            let message = "a change may be left out: make it an Option, where None leaves the column as it is (and \
                           Some(None) of an Option<Option<…>> sets NULL)";
            ctxt.error(field.ty, message);
        }
        Some(patch)
    }

    fn read_as(ctxt: &Ctxt, input: &'a DeriveInput, on_struct: Place, on_field: Place, wrapper: &str) -> Option<Self> {
        let attrs = Attrs::read(ctxt, &input.attrs, on_struct);
        if attrs.lacks(OF) {
            ctxt.error(&input.ident, "columns of which table? add #[pg(of = …)] with the table's struct");
        }
        let of = attrs.ty(OF);
        let krate = attrs.krate();
        let mut seen = HashSet::new();
        let fields: Vec<_> = named_fields(ctxt, input)?
            .filter_map(|(ident, field)| Field::read(ctxt, ident, field, on_field, wrapper, &mut seen))
            .collect();
        if fields.is_empty() {
            ctxt.error(&input.ident, "this struct has no columns");
        }
        Some(Self { input, krate, of: of?, fields })
    }
}

impl<'a> Field<'a> {
    fn read(
        ctxt: &Ctxt,
        ident: &'a Ident,
        field: &'a syn::Field,
        place: Place,
        wrapper: &str,
        seen: &mut HashSet<String>,
    ) -> Option<Self> {
        let attrs = Attrs::read(ctxt, &field.attrs, place);
        if attrs.flag(SKIP) {
            if let Some(key) = attrs.key(CONSTANT) {
                ctxt.error(key, "`skip` and `constant` contradict each other: a skipped field is no column");
            }
            return None;
        }
        let constant = if attrs.key(CONSTANT).is_some() {
            attrs.parsed::<TokenStream>(CONSTANT, "a column's constant")?
        } else {
            let Some(constant) = constant_of(ident) else {
                ctxt.error(ident, "no constant can be named after this field; name it: #[pg(constant = \"…\")]");
                return None;
            };
            constant.into_token_stream()
        };
        if !seen.insert(constant.to_string()) {
            ctxt.error(&constant, format_args!("the column `{constant}` is already that of another field"));
        }
        let inner = wrapped(&field.ty, wrapper);
        Some(Self { ident, ty: inner.unwrap_or(&field.ty), wrapped: inner.is_some(), constant })
    }
}
