use std::fmt;

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// A word that an attribute may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Symbol(pub(crate) &'static str);

pub(crate) const PG: Symbol = Symbol("pg");

pub(crate) const CHECK: Symbol = Symbol("check");
pub(crate) const COLUMN: Symbol = Symbol("column");
pub(crate) const CONSTANT: Symbol = Symbol("constant");
pub(crate) const CONSTRAINTS: Symbol = Symbol("constraints");
pub(crate) const CRATE: Symbol = Symbol("crate");
pub(crate) const DEFAULT: Symbol = Symbol("default");
pub(crate) const DOMAIN: Symbol = Symbol("domain");
pub(crate) const EXCLUDE: Symbol = Symbol("exclude");
pub(crate) const FLATTEN: Symbol = Symbol("flatten");
pub(crate) const FOREIGN_KEY: Symbol = Symbol("foreign_key");
pub(crate) const GIN_INDEX: Symbol = Symbol("gin_index");
pub(crate) const GENERATED: Symbol = Symbol("generated");
pub(crate) const IDENTITY: Symbol = Symbol("identity");
pub(crate) const INDEX: Symbol = Symbol("index");
pub(crate) const JSON: Symbol = Symbol("json");
pub(crate) const JSON_INDEX: Symbol = Symbol("json_index");
pub(crate) const MARKER: Symbol = Symbol("marker");
pub(crate) const NAME: Symbol = Symbol("name");
pub(crate) const NEW: Symbol = Symbol("new");
pub(crate) const NEW_DERIVE: Symbol = Symbol("new_derive");
pub(crate) const OF: Symbol = Symbol("of");
pub(crate) const OPAQUE: Symbol = Symbol("opaque");
pub(crate) const PRIMARY_KEY: Symbol = Symbol("primary_key");
pub(crate) const READ_ONLY: Symbol = Symbol("read_only");
pub(crate) const RENAME: Symbol = Symbol("rename");
pub(crate) const RENAME_ALL: Symbol = Symbol("rename_all");
pub(crate) const REPR: Symbol = Symbol("repr");
pub(crate) const SCHEMA: Symbol = Symbol("schema");
pub(crate) const SKIP: Symbol = Symbol("skip");
pub(crate) const SQL_TYPE: Symbol = Symbol("sql_type");
pub(crate) const TABLE: Symbol = Symbol("table");
pub(crate) const TEXT: Symbol = Symbol("text");
pub(crate) const UNIQUE: Symbol = Symbol("unique");
pub(crate) const VERSION: Symbol = Symbol("version");
pub(crate) const VIA_SQLX: Symbol = Symbol("via_sqlx");

/// The words that may be given several times.
pub(crate) const REPEATED: [Symbol; 6] = [UNIQUE, CHECK, FOREIGN_KEY, EXCLUDE, INDEX, JSON_INDEX];

/// Where an attribute stands, which decides on the words that it may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    TableStruct,
    TableField,
    RecordStruct,
    RecordField,
    InsertStruct,
    InsertField,
    PatchStruct,
    PatchField,
    Enum,
    Variant,
    Newtype,
    NewtypeField,
    Json,
    JsonVariant,
    JsonField,
}

impl Place {
    /// The words that are known here.
    pub(crate) const fn known(self) -> &'static [Symbol] {
        match self {
            Self::TableStruct => &[
                TABLE,
                SCHEMA,
                RENAME_ALL,
                READ_ONLY,
                NEW,
                NEW_DERIVE,
                UNIQUE,
                CONSTRAINTS,
                PRIMARY_KEY,
                CHECK,
                FOREIGN_KEY,
                EXCLUDE,
                INDEX,
                JSON_INDEX,
                CRATE,
            ],
            Self::TableField => &[
                COLUMN,
                PRIMARY_KEY,
                IDENTITY,
                GENERATED,
                DEFAULT,
                VERSION,
                SKIP,
                JSON,
                SQL_TYPE,
                VIA_SQLX,
                GIN_INDEX,
                FLATTEN,
                MARKER,
                CONSTANT,
            ],
            Self::RecordStruct => &[OF, RENAME_ALL, CRATE],
            Self::RecordField => {
                &[COLUMN, GENERATED, DEFAULT, SKIP, JSON, SQL_TYPE, VIA_SQLX, FLATTEN, MARKER, CONSTANT]
            }
            Self::InsertStruct | Self::PatchStruct => &[OF, CRATE],
            Self::InsertField | Self::PatchField => &[CONSTANT, SKIP],
            Self::Enum => &[NAME, SCHEMA, RENAME_ALL, TEXT, REPR, CRATE],
            Self::Variant => &[RENAME],
            Self::Newtype => &[DOMAIN, SCHEMA, CRATE],
            Self::NewtypeField => &[],
            Self::Json => &[CRATE],
            Self::JsonVariant => &[CONSTANT],
            Self::JsonField => &[CONSTANT, OPAQUE],
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TableStruct => "on a struct with #[derive(PgTable)]",
            Self::TableField => "on a field of a struct with #[derive(PgTable)]",
            Self::RecordStruct => "on a struct with #[derive(PgRecord)]",
            Self::RecordField => "on a field of a struct with #[derive(PgRecord)]",
            Self::InsertStruct => "on a struct with #[derive(PgInsert)]",
            Self::InsertField => "on a field of a struct with #[derive(PgInsert)]",
            Self::PatchStruct => "on a struct with #[derive(PgPatch)]",
            Self::PatchField => "on a field of a struct with #[derive(PgPatch)]",
            Self::Enum => "on an enum with #[derive(PgEnum)]",
            Self::Variant => "on a variant of an enum with #[derive(PgEnum)]",
            Self::Newtype => "on a struct with #[derive(PgNewtype)]",
            Self::NewtypeField => "on the field of a struct with #[derive(PgNewtype)]",
            Self::Json => "on a struct or enum with #[derive(PgJson)]",
            Self::JsonVariant => "on a variant of an enum with #[derive(PgJson)]",
            Self::JsonField => "on a field with #[derive(PgJson)]",
        })
    }
}

/// Words in a sentence: `a`, `b` and `c`.
pub(crate) fn listed<T: fmt::Display>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl PartialEq<Symbol> for Ident {
    fn eq(&self, symbol: &Symbol) -> bool {
        self.unraw() == symbol.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
