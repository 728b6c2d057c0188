use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, GenericArgument, LitStr, Path, PathArguments, Type, Visibility};

use crate::attr::Attrs;
use crate::case::Case;
use crate::check;
use crate::constraint::Declared;
use crate::ctxt::Ctxt;
use crate::docs;
use crate::index::Index;
use crate::sql_type::SqlType;
use crate::symbol::{
    COLUMN, CONSTANT, CRATE, DEFAULT, FLATTEN, GENERATED, GIN_INDEX, IDENTITY, JSON, JSON_INDEX, MARKER, NEW,
    NEW_DERIVE, OF, PRIMARY_KEY, Place, READ_ONLY, SCHEMA, SKIP, SQL_TYPE, TABLE, UNIQUE, VERSION, VIA_SQLX,
};

/// A struct whose fields are columns.
pub(crate) struct Record<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) krate: Path,
    /// Absent where the struct derives PgRecord, or where its table is not named.
    pub(crate) table: Option<Table>,
    /// The struct of the table whose columns a PgRecord's fields are, if it says so.
    pub(crate) of: Option<Type>,
    pub(crate) fields: Vec<Field<'a>>,
}

/// What only a table's struct has.
pub(crate) struct Table {
    pub(crate) name: LitStr,
    pub(crate) schema: Option<LitStr>,
    pub(crate) read_only: bool,
    pub(crate) new: Option<New>,
    pub(crate) unique: Vec<Unique>,
    pub(crate) constraints: Declared,
    pub(crate) indexes: Vec<Index>,
    /// The paths that have an index, as expressions behind `Self::`.
    pub(crate) json_indexes: Vec<Expr>,
    /// The struct's documentation.
    pub(crate) doc: String,
}

/// A set of columns that is named as unique.
pub(crate) struct Unique {
    pub(crate) text: LitStr,
    /// The constraint's name, where it is not the one that PostgreSQL makes.
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) constant: Ident,
}

/// The struct for new rows that is asked for.
pub(crate) struct New {
    pub(crate) name: Ident,
    pub(crate) derives: Option<LitStr>,
}

/// A field of a record.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) ty: &'a Type,
    pub(crate) docs: Vec<&'a Attribute>,
    /// The column's name, or the prefix of an embedded struct's columns.
    pub(crate) column: LitStr,
    pub(crate) constant: Ident,
    pub(crate) kind: Kind,
    pub(crate) primary_key: bool,
    pub(crate) identity: bool,
    pub(crate) generated: bool,
    pub(crate) default: bool,
    pub(crate) version: bool,
    /// The SQL of the default, or of what a generated column is computed from.
    pub(crate) expression: Option<LitStr>,
    /// Whether the whole document has an index.
    pub(crate) gin_index: bool,
    pub(crate) sql_type: Option<SqlType>,
    /// How an embedded struct shows that it is absent, where it may be.
    pub(crate) absence: Option<Absence>,
}

/// What says that an embedded struct is absent.
pub(crate) enum Absence {
    /// NULL in its key.
    Key,
    /// A column of this name, which stands before its own.
    Marker(LitStr),
}

/// How a field becomes columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One column, through pgrepo's codec.
    Plain,
    /// One column of JSON.
    Json,
    /// One column, through sqlx's traits.
    Driver,
    /// The columns of an embedded struct.
    Flat,
    /// None: it is filled by `Default`.
    Skip,
}

impl<'a> Record<'a> {
    /// Reads a struct with its attributes; `None` when it is no struct with named fields.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput, is_table: bool) -> Option<Self> {
        let place = if is_table { Place::TableStruct } else { Place::RecordStruct };
        let attrs = Attrs::read(ctxt, &input.attrs, place);
        let case = attrs.case();
        let table = if is_table { Table::read(ctxt, &attrs, input) } else { None };
        let of = attrs.ty(OF);
        let krate = attrs.krate();
        let fields = named_fields(ctxt, input)?;
        let place = if is_table { Place::TableField } else { Place::RecordField };
        let fields = fields.map(|(ident, field)| Field::parse(ctxt, ident, field, place, case)).collect();
        Some(Self { input, krate, table, of, fields })
    }
}

/// The path of the runtime crate, for an input that is not read further.
pub(crate) fn krate(input: &DeriveInput) -> Path {
    let ignored = Ctxt::default();
    let known: Vec<Attribute> = input.attrs.clone();
    let krate = Attrs::read(&ignored, &known, Place::TableStruct).parsed(CRATE, "a path");
    ignored.check();
    krate.unwrap_or_else(|| syn::parse_quote!(::pgrepo))
}

/// The fields of a struct with named ones; anything else is an error.
pub(crate) fn named_fields<'a>(
    ctxt: &Ctxt,
    input: &'a DeriveInput,
) -> Option<impl Iterator<Item = (&'a Ident, &'a syn::Field)> + use<'a>> {
    let problem = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                return Some(fields.named.iter().filter_map(|f| f.ident.as_ref().map(|ident| (ident, f))));
            }
            Fields::Unnamed(_) => "columns have names: use a struct with named fields",
            Fields::Unit => "this struct has no fields, so there are no columns",
        },
        Data::Enum(_) => "a row is a struct with named fields, not an enum (an enum of values derives PgEnum)",
        Data::Union(_) => "a row is a struct with named fields, not a union",
    };
    ctxt.error(&input.ident, problem);
    None
}

impl Table {
    fn read(ctxt: &Ctxt, attrs: &Attrs<'_>, input: &DeriveInput) -> Option<Self> {
        let name = attrs.text(TABLE);
        if attrs.lacks(TABLE) {
            ctxt.error(
                &input.ident,
                "which table? add #[pg(table = \"…\")]; a struct without a table of its own derives PgRecord",
            );
        }
        let schema = attrs.text(SCHEMA);
        let read_only = attrs.flag(READ_ONLY);
        let derives = attrs.text(NEW_DERIVE);
        let new = attrs.parsed(NEW, "the name of a struct").map(|name| New { name, derives });
        if let (Some(_), Some(key)) = (attrs.key(READ_ONLY), attrs.key(NEW)) {
            ctxt.error(key, "`new` and `read_only` contradict each other: nothing is inserted into a read-only table");
        }
        if let (Some(key), None) = (attrs.key(NEW_DERIVE), attrs.key(NEW)) {
            ctxt.error(key, "`new_derive` is for the struct that `new` names, and there is none");
        }
        let unique = attrs.texts(UNIQUE).into_iter().map(Unique::read).collect();
        let constraints = Declared::read(ctxt, attrs);
        let indexes = Index::read(ctxt, attrs);
        let json_indexes = json_indexes(ctxt, attrs);
        let doc = docs::text(&input.attrs);
        Some(Self { name: name?, schema, read_only, new, unique, constraints, indexes, json_indexes, doc })
    }
}

fn json_indexes(ctxt: &Ctxt, attrs: &Attrs<'_>) -> Vec<Expr> {
    let parsed = attrs.texts(JSON_INDEX).into_iter().filter_map(|text| {
        let message = "`json_index` takes a path in quotes, from a column's constant on: \
                       #[pg(json_index = \"LOCATION.at(Location::COUNTRY)\")]";
        text.parse().map_err(|_| ctxt.error(&text, message)).ok()
    });
    parsed.collect()
}

impl Unique {
    fn read(text: LitStr) -> Self {
        let whole = text.value();
        let (name, columns) = match whole.split_once(':') {
            Some((name, columns)) => (Some(name.trim().to_owned()), columns),
            None => (None, whole.as_str()),
        };
        let columns = check::split(columns);
        let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
        let words: String = columns.join("_").to_uppercase().chars().map(word).collect();
        let constant = Ident::new(&format!("UNIQUE_{words}"), text.span());
        Self { text, name, columns, constant }
    }
}

impl<'a> Field<'a> {
    fn parse(ctxt: &Ctxt, ident: &'a Ident, field: &'a syn::Field, place: Place, case: Option<Case>) -> Self {
        let attrs = Attrs::read(ctxt, &field.attrs, place);
        contradictions(ctxt, &attrs, &field.ty);
        let skip = attrs.flag(SKIP);
        let (json, driver) = (attrs.flag(JSON), attrs.flag(VIA_SQLX));
        let kind = if attrs.key(FLATTEN).is_some() {
            Kind::Flat
        } else if skip {
            Kind::Skip
        } else if json {
            Kind::Json
        } else if driver {
            Kind::Driver
        } else {
            Kind::Plain
        };
        let column = if kind == Kind::Flat {
            attrs.optional_text(FLATTEN).unwrap_or_else(|| LitStr::new("", ident.span()))
        } else {
            attrs.text(COLUMN).unwrap_or_else(|| {
                let name = ident.unraw().to_string();
                LitStr::new(&case.map_or(name.clone(), |case| case.field(&name)), ident.span())
            })
        };
        Self {
            ident,
            vis: &field.vis,
            ty: &field.ty,
            docs: field.attrs.iter().filter(|a| a.path().is_ident("doc")).collect(),
            column,
            constant: constant(ctxt, &attrs, ident),
            kind,
            primary_key: attrs.flag(PRIMARY_KEY),
            identity: attrs.flag(IDENTITY),
            generated: attrs.key(GENERATED).is_some(),
            default: attrs.key(DEFAULT).is_some(),
            version: attrs.flag(VERSION),
            expression: expression(ctxt, &attrs),
            gin_index: attrs.flag(GIN_INDEX),
            sql_type: attrs.text(SQL_TYPE).map(|text| SqlType::read(ctxt, &text, kind == Kind::Driver)),
            absence: absence(ctxt, &attrs, &field.ty, kind),
        }
    }

    /// The embedded struct's type.
    pub(crate) fn embedded(&self) -> &'a Type {
        self.optional().filter(|_| self.absence.is_some()).unwrap_or(self.ty)
    }

    /// Whether it is exactly one column.
    pub(crate) fn is_column(&self) -> bool {
        !matches!(self.kind, Kind::Flat | Kind::Skip)
    }

    /// The type under an `Option`, as far as the source shows it.
    pub(crate) fn optional(&self) -> Option<&'a Type> {
        wrapped(self.ty, "Option")
    }
}

/// The SQL that stands for a default or a generated column.
fn expression(ctxt: &Ctxt, attrs: &Attrs<'_>) -> Option<LitStr> {
    let text = [GENERATED, DEFAULT].into_iter().filter_map(|key| attrs.optional_text(key)).next()?;
    check::sql(ctxt, &text);
    Some(text)
}

/// How an embedded struct in an `Option` shows that it is absent.
fn absence(ctxt: &Ctxt, attrs: &Attrs<'_>, ty: &Type, kind: Kind) -> Option<Absence> {
    let marker = attrs.flag(MARKER);
    let optional = kind == Kind::Flat && wrapped(ty, "Option").is_some();
    match attrs.key(MARKER) {
        Some(key) if !optional => {
            ctxt.error(key, "`marker` is for an embedded struct that may be absent: an `Option` with `flatten`");
            None
        }
        _ if !optional => None,
        Some(key) if marker => {
            let prefix = attrs.optional_text(FLATTEN).map(|p| p.value()).unwrap_or_default();
            Some(Absence::Marker(LitStr::new(&format!("{prefix}is_present"), key.span())))
        }
        _ => Some(Absence::Key),
    }
}

/// The name of a field's constant.
fn constant(ctxt: &Ctxt, attrs: &Attrs<'_>, ident: &Ident) -> Ident {
    if attrs.key(CONSTANT).is_some() {
        return attrs.parsed(CONSTANT, "the name of a constant").unwrap_or_else(|| format_ident!("_"));
    }
    constant_of(ident).unwrap_or_else(|| {
        ctxt.error(ident, "no constant can be named after this field; name it: #[pg(constant = \"…\")]");
        format_ident!("_")
    })
}

/// The name of the constant of a column, made from its field's.
pub(crate) fn constant_of(ident: &Ident) -> Option<Ident> {
    let name = ident.unraw().to_string().to_uppercase();
    syn::parse_str::<Ident>(&name).ok().map(|_| Ident::new(&name, ident.span()))
}

/// The argument of a type that is written as `Wrapper<Argument>`.
pub(crate) fn wrapped<'t>(ty: &'t Type, wrapper: &str) -> Option<&'t Type> {
    let ty = match ty {
        Type::Group(group) => &group.elem,
        other => other,
    };
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if last.ident == wrapper && arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

/// Keys of one field that cannot stand together, and why.
const CONTRADICTIONS: &[(crate::symbol::Symbol, crate::symbol::Symbol, &str)] = &[
    (GENERATED, DEFAULT, "the server computes a generated column, so no value can take its default's place"),
    (GENERATED, IDENTITY, "a column is computed from others or numbered, not both"),
    (IDENTITY, DEFAULT, "the numbering of an identity column is its default"),
    (VERSION, PRIMARY_KEY, "a version changes with the row, and its key does not"),
    (VERSION, IDENTITY, "a version counts the changes of one row, and an identity column the rows"),
    (VERSION, GENERATED, "an update counts the version up, and the server computes a generated column"),
    (VERSION, JSON, "a version is an integer"),
    (VERSION, VIA_SQLX, "a version is an integer"),
    (JSON, VIA_SQLX, "a value goes through one codec"),
];

fn contradictions(ctxt: &Ctxt, attrs: &Attrs<'_>, ty: &Type) {
    let keys: Vec<&Ident> = attrs.keys().collect();
    for (i, later) in keys.iter().enumerate() {
        for earlier in keys.iter().take(i) {
            let both = format!("`{earlier}` and `{later}` contradict each other");
            let has = |symbol| **earlier == symbol || **later == symbol;
            if has(FLATTEN) {
                if !has(CONSTANT) && !has(MARKER) {
                    ctxt.error(later, format_args!("{both}: an embedded struct says itself what its columns are"));
                }
            } else if has(SKIP) {
                ctxt.error(later, format_args!("{both}: a skipped field is no column"));
            } else if let Some((.., why)) = CONTRADICTIONS.iter().find(|(a, b, _)| has(*a) && has(*b)) {
                ctxt.error(later, format_args!("{both}: {why}"));
            }
        }
    }
    for symbol in [PRIMARY_KEY, IDENTITY] {
        if attrs.key(symbol).is_some() && wrapped(ty, "Option").is_some() {
            ctxt.error(ty, format_args!("`{symbol}` and `Option` contradict each other: such a column is never NULL"));
        }
    }
}
