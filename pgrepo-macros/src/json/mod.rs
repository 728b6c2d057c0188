//! Documents: structs and enums whose JSON form follows serde's attributes.

mod attrs;
mod case;
mod read;

use proc_macro2::Ident;
use syn::{DeriveInput, Path, Type, Visibility};

/// A struct or enum whose JSON form is known.
pub(crate) struct Document<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) krate: Path,
    pub(crate) places: Vec<Place<'a>>,
    pub(crate) form: Form,
}

/// What the JSON of a type is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An object, as far as it has parts.
    Object,
    Array,
    /// That of another type, or a single value.
    Other,
}

/// A place in the document, for which there is a constant.
pub(crate) struct Place<'a> {
    pub(crate) constant: Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) steps: Vec<Step>,
    pub(crate) holds: Holds<'a>,
}

/// A step into a document.
#[derive(Clone)]
pub(crate) enum Step {
    Key(String),
    Index(i32),
}

/// What stands at a place.
pub(crate) enum Holds<'a> {
    /// A value of a type.
    Value(&'a Type),
    /// The keys of a type, among others.
    Flat(&'a Type),
    /// The name of an enum's variant, or of a struct.
    Tag,
    /// JSON of any form.
    Opaque,
    /// Keys of any name, among others.
    FlatOpaque,
}
