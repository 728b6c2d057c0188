//! The derive macros of pgrepo.
//!
//! Use them through that crate, which exports them again, with examples: `pgrepo::PgTable` and so on. This is the
//! reference of what the attribute `#[pg(…)]` may hold.
//!
//! | derive | on | writes |
//! |---|---|---|
//! | [`PgTable`](macro@PgTable) | a struct that stands for a table or a view | its columns, its statements, rows in and out |
//! | [`PgRecord`](macro@PgRecord) | a struct that is embedded, or read from a query | its columns, rows in and out |
//! | [`PgInsert`](macro@PgInsert) | a struct for some columns of a table | rows in, checked against the table's struct |
//! | [`PgPatch`](macro@PgPatch) | a struct of changes | new values for some columns of one row |
//! | [`PgEnum`](macro@PgEnum) | an enum | a value of a column |
//! | [`PgNewtype`](macro@PgNewtype) | a struct of one field | a value of a column |
//! | [`PgJson`](macro@PgJson) | a struct or enum of serde's | a constant for each place in its JSON form |
//!
//! All mistakes in one struct are reported in one compile, each at the word that is wrong.

mod ast;
mod attr;
mod case;
mod check;
mod constraint;
mod ctxt;
mod docs;
mod expand;
mod fallback;
mod generics;
mod index;
mod insert;
mod json;
mod labels;
mod newtype;
mod sql_type;
mod symbol;
mod test_attr;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::ctxt::Ctxt;

/// Gives an asynchronous test a runtime and a database of its own.
///
/// The function takes one argument of a type that implements `pgrepo::testkit::FromTestDatabase`, such as
/// `pgrepo::testkit::TestDatabase`, and returns nothing or a `Result`. The database is a copy of a template that is set up once a
/// process; it is dropped when the test ends, also by a panic. Other attributes (`#[should_panic]`, `#[cfg(…)]`) stay.
///
/// | key | meaning |
/// |---|---|
/// | `sql = "…"` | the statements that set the template up |
/// | `setup = "path.sql"` | the same from a file; the path starts at the package's folder, `CARGO_MANIFEST_DIR` |
/// | `flavor = "current_thread"` | the runtime: `"current_thread"` (default) or `"multi_thread"` |
///
/// ```text
/// #[pgrepo::test(setup = "tests/schema.sql", flavor = "multi_thread")]
/// async fn starts_empty(db: pgrepo::testkit::TestDatabase) -> Result<(), Box<dyn std::error::Error>> {
///     // connect to db.url()
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    test_attr::expand(arguments.into(), item.into()).into()
}

/// Makes a struct with named fields stand for a table or a view.
///
/// The struct may be generic, may have one lifetime (its rows then borrow from the row's buffer), and may stand inside
/// a function. A field's type is any that the codec knows; one that depends on a parameter becomes a bound.
///
/// # Keys of the struct
///
/// | key | meaning |
/// |---|---|
/// | `table = "users"` | the table's or view's name; required |
/// | `schema = "app"` | its schema; without one the server's `search_path` decides |
/// | `rename_all = "camelCase"` | how fields become columns: `snake_case`, `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `lowercase`, `UPPERCASE` |
/// | `read_only` | the struct is never written, as that of a view: writing it does not compile |
/// | `new = "NewUser"` | writes a struct for new rows: without identity, generated and skipped fields; a `default` field is a `Set` |
/// | `new_derive = "Debug, Clone"` | what that struct derives; nothing by itself, since a macro cannot see what its fields can |
/// | `unique = "org_id, name"` | columns, by their names, that no two rows share the values of: the constant `UNIQUE_ORG_ID_NAME`, for upserts; may be given several times |
/// | `unique = "users_email_idx: email"` | the same, of a constraint or index whose name is not the one that PostgreSQL makes of table and columns, `users_email_key` |
/// | `constraints = "UserConstraint"` | writes an enum with a variant for each constraint that is declared, for `Error::violation`: the primary key (`PrimaryKey`), the unique sets (`UniqueOrgIdName`) and those below |
/// | `primary_key = "users_pk"` | the name of the primary key's constraint, where it is not `users_pkey` |
/// | `check = "users_age_check"` | a check constraint by its name: the variant `CheckAge`, without the table's name and the ending that PostgreSQL gives; may be given several times, like the next three |
/// | `check = "users_age_check: age < 200"` | the same with its condition, for `create_table_sql`; then it needs no `constraints` |
/// | `foreign_key = "users_org_id_fkey"` | a foreign key by its name: `ForeignKeyOrgId`; with what SQL writes behind FOREIGN KEY: `"users_org_id_fkey: (org_id) REFERENCES orgs (id)"` |
/// | `exclude = "rooms_during_excl"` | an exclusion constraint by its name: `ExcludeDuring`; with what SQL writes behind EXCLUDE: `"rooms_during_excl: USING gist (during WITH &&)"` |
/// | `index = "org_id, created_at"` | the columns have a B-tree index, by PostgreSQL's name for it: `create_table_sql` makes it and `verify` looks for it; may be given several times. `"users_recent_idx: org_id, created_at"` gives it another name |
/// | `index = "users_recent_idx: (created_at DESC) WHERE active"` | the same of an index by its SQL, from the parentheses or from `USING gin (…)` on; `verify` looks for it by its name |
/// | `json_index = "LOCATION.at(Location::COUNTRY)"` | the path has the index of `JsonPath::index_ddl`: `create_table_sql` makes it and `verify` looks for it; may be given several times |
/// | `crate = "path"` | where pgrepo is, if it has another name |
///
/// # Keys of a field
///
/// | key | meaning |
/// |---|---|
/// | `column = "e-mail"` | the column's name, where it is not the field's |
/// | `primary_key` | a part of the key; one field or several |
/// | `identity` | the server numbers the column: read as a plain value, left out of new rows |
/// | `generated`, `generated = "a + b"` | the server computes the column: read, and never written; with the SQL that computes it, for `create_table_sql` |
/// | `default`, `default = "now()"` | the column has a default: `Set::To` or `Set::Server` in new rows; with its SQL, for `create_table_sql` |
/// | `version` | an integer that counts the row's changes: an update writes the row only if it still has the version that was read |
/// | `skip` | no column; filled by `Default` |
/// | `json` | any type of serde's, kept as jsonb (or json); the column's type is `Json<T>`; `None` of an `Option` is NULL |
/// | `sql_type = "varchar"`, `sql_type = "numeric(12, 2)"` | the column's type, where the Rust type leaves a choice; checked against the types that it can stand for. With a modifier it is for `create_table_sql` and `verify`: the server refuses what is too long, but for blanks at the end, and rounds what has too many digits |
/// | `gin_index` | the whole document has the index of `Column::gin_index_ddl`, as with `json_index` on the struct |
/// | `via_sqlx` | a type that only has sqlx's traits; such a struct cannot be read by `COPY` |
/// | `flatten`, `flatten = "home_"` | the columns of an embedded struct, with a prefix; nested up to three deep |
/// | `marker` | beside `flatten`, on an `Option`: a column of bool, the prefix and `is_present`, says whether the struct is there |
/// | `constant = "NAME"` | the constant's name, where the field's own clashes |
///
/// The documentation of the struct and of its fields becomes the comments of the table and its columns in
/// `create_table_sql`.
///
/// # What it writes
///
/// The traits `Record`, `PgTable`, `FromRow`, `WriteFields`, `WriteRow`, sqlx's `FromRow`, `CopyOut` unless a field
/// goes through sqlx, and `PrimaryKey` where a key is marked; a constant for each column, with the field's visibility
/// (`User::NAME`), and for each embedded struct (`User::HOME.at(Address::STREET)`). The table of a struct with a
/// lifetime is the one with `'static`: `User<'static>`.
#[proc_macro_derive(PgTable, attributes(pg))]
pub fn derive_table(input: TokenStream) -> TokenStream {
    record(&parse_macro_input!(input as DeriveInput), true).into()
}

/// Makes the fields of a struct columns, without a table: for projections, and for embedding in other structs.
///
/// The struct's keys are `of`, `rename_all` and `crate`; a field's are `column`, `generated`, `default`, `skip`, `json`,
/// `sql_type`, `via_sqlx`, `flatten`, `marker` and `constant`. They mean what they mean for [`PgTable`](macro@PgTable).
///
/// `#[pg(of = User)]` says that the fields are columns of that table's struct (`User<'static>` if it has a lifetime), so
/// that `find(…).select::<Record>()` reads these alone. It does not compile when a field's column is none of the table's,
/// is of another type, or can be NULL where the field cannot.
///
/// `#[pg(flatten = "r_")] region: Option<Region>` is what a LEFT JOIN gives: `None` exactly where the joined row is
/// absent. It shows in the key of `Region`, which no row has without: the first column of the key is NULL. A struct
/// without a key needs `#[pg(flatten = "r_", marker)]`, and the statement a column that says whether the row is there:
/// `(r IS DISTINCT FROM NULL) AS r_is_present`, which asks for the row as a whole, and not for a value in each column as
/// `r IS NOT NULL` does. A struct with such a field is only read.
#[proc_macro_derive(PgRecord, attributes(pg))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    record(&parse_macro_input!(input as DeriveInput), false).into()
}

/// Makes a struct a row that can be written to some columns of a table.
///
/// Each field is written to the column of the same constant: the field `name` to `User::NAME`. It does not compile
/// when there is no such constant, when the server makes the column, or when the value is none for it. A field of the
/// type `Set<V>` may be left to the server.
///
/// | key | on | meaning |
/// |---|---|---|
/// | `of = User` | the struct | the table's struct; required (`User<'static>` if it has a lifetime) |
/// | `crate = "path"` | the struct | where pgrepo is, if it has another name |
/// | `constant = "NAME"` | a field | the column's constant, where it is not the field's; `"HOME.at(Address::STREET)"` for an embedded one |
/// | `skip` | a field | no column |
#[proc_macro_derive(PgInsert, attributes(pg))]
pub fn derive_insert(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let insert = insert::Insert::read(&ctxt, &input);
    match (insert, ctxt.check()) {
        (Some(insert), None) => expand::insert(&insert),
        (insert, error) => fallback::insert(&input, insert, error),
    }
    .into()
}

/// Makes a struct the changes of one row of a table.
///
/// Each field is an `Option` of a value for the column of the same constant: the field `name` for `User::NAME`. `None`
/// leaves the column as it is; for a column that can be NULL, `Some(None)` of an `Option<Option<V>>` sets NULL. It does
/// not compile when there is no such constant, when the server makes the column, or when the value is none for it.
///
/// | key | on | meaning |
/// |---|---|---|
/// | `of = User` | the struct | the table's struct; required (`User<'static>` if it has a lifetime) |
/// | `crate = "path"` | the struct | where pgrepo is, if it has another name |
/// | `constant = "NAME"` | a field | the column's constant, where it is not the field's; `"HOME.at(Address::STREET)"` for an embedded one |
/// | `skip` | a field | no column |
#[proc_macro_derive(PgPatch, attributes(pg))]
pub fn derive_patch(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let patch = insert::Insert::read_patch(&ctxt, &input);
    match (patch, ctxt.check()) {
        (Some(patch), None) => expand::patch(&patch),
        (patch, error) => fallback::patch(&input, patch, error),
    }
    .into()
}

/// Makes the variants of an enum the values of a column.
///
/// A label or number that no variant has is an error which lists those that there are.
///
/// | key | on | meaning |
/// |---|---|---|
/// | `name = "mood"` | the enum | the name of PostgreSQL's enum; without it the enum's own, in snake case |
/// | `schema = "app"` | the enum | its schema, where only that one is meant |
/// | `text` | the enum | the labels are kept as text |
/// | `repr = "int4"` | the enum | the variants are kept as numbers, which each variant must name; also `int2` and `int8` |
/// | `rename_all = "lowercase"` | the enum | how variants become labels, which are otherwise the variants' names as they are |
/// | `crate = "path"` | the enum | where pgrepo is, if it has another name |
/// | `rename = "so so"` | a variant | its label |
#[proc_macro_derive(PgEnum, attributes(pg))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let labels = labels::Labels::read(&ctxt, &input);
    match (labels, ctxt.check()) {
        (Some(labels), None) => expand::labels(&labels),
        (_, error) => fallback::value(&input, error),
    }
    .into()
}

/// Makes a struct of one field stand in a column as that field.
///
/// | key | meaning |
/// |---|---|
/// | `domain = "email"` | declares the domain; one over the field's type fits in any case |
/// | `schema = "app"` | the domain's schema |
/// | `crate = "path"` | where pgrepo is, if it has another name |
#[proc_macro_derive(PgNewtype, attributes(pg))]
pub fn derive_newtype(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let newtype = newtype::Newtype::read(&ctxt, &input);
    match (newtype, ctxt.check()) {
        (Some(newtype), None) => expand::newtype(&newtype),
        (_, error) => fallback::value(&input, error),
    }
    .into()
}

/// Makes the places in a document constants, from which JSON paths are made: `Location::CITY`.
///
/// A path leads to where `Serialize` writes a value. Of serde's attributes are
///
/// | | |
/// |---|---|
/// | followed | `rename`, `rename_all`, `rename_all_fields` (each also by its `serialize = "…"`), `tag`, `content`, `untagged`, `transparent`, `flatten`, `skip`, `skip_serializing` |
/// | without effect, most since they are about reading | `default`, `alias`, `skip_serializing_if`, `skip_deserializing`, `deserialize_with`, `from`, `try_from`, `other`, `deny_unknown_fields`, `bound`, `borrow`, `crate`, `expecting` |
/// | refused, since the form is one of their own | `with`, `serialize_with`, `into`, `remote`, `getter`, and any that is not named here |
///
/// A field of an enum's variant has the variant's name before its own (`Shape::CIRCLE_RADIUS`), the tag is `TAG`, the
/// one field of a newtype `INNER`, and those of a tuple `FIELD_0`, `FIELD_1`, …. A value that a variant holds alone has
/// the variant's name (`Shape::SQUARE`). What `flatten` and internal tags put among the keys of another type is gone
/// through by `at`: `Profile::HOME.at(Address::CITY)`.
///
/// | key | on | meaning |
/// |---|---|---|
/// | `crate = "path"` | the type | where pgrepo is, if it has another name |
/// | `constant = "NAME"` | a field, a variant | the constant's name, or what the names of the variant's begin with |
/// | `opaque` | a field | JSON of any form, whatever serde's attributes on the field: its path leads to a `serde_json::Value` |
#[proc_macro_derive(PgJson, attributes(pg))]
pub fn derive_json(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let ctxt = Ctxt::default();
    let document = json::Document::read(&ctxt, &input);
    match (document, ctxt.check()) {
        (Some(document), None) => expand::json(&document),
        (document, error) => fallback::json(&input, document, error),
    }
    .into()
}

fn record(input: &DeriveInput, is_table: bool) -> proc_macro2::TokenStream {
    let ctxt = Ctxt::default();
    let record = ast::Record::read(&ctxt, input, is_table);
    if let Some(record) = &record {
        check::record(&ctxt, record);
    }
    match (record, ctxt.check()) {
        (Some(record), None) => expand::record(&record),
        (record, error) => fallback::record(input, is_table, record, error),
    }
}

#[cfg(test)]
mod tests {
    use syn::DeriveInput;

    use super::record;

    /// Everything that is printed under another name of the library must name it so.
    #[test]
    fn a_renamed_library_is_named_in_all_places() {
        let expanded = |source: &str| {
            let input: DeriveInput = syn::parse_str(source).map_err(|e| e.to_string())?;
            Ok::<_, String>(record(&input, true).to_string())
        };
        let fields = "{ #[pg(primary_key, identity)] id: T, #[pg(version)] v: i32, #[pg(json, default)] a: Option<u8>, #[pg(via_sqlx)] b: u8,
            #[pg(flatten = \"c_\")] c: C, #[pg(skip)] d: u8, #[pg(sql_type = \"text\", generated)] e: &'a str }";
        for keys in [
            "new = \"New\", unique = \"v\", constraints = \"All\", check = \"c: v > 0\", index = \"v\", json_index = \"A.key(1)\"",
            "read_only",
            "unknown",
        ] {
            let source = format!("#[pg(table = \"t\", {keys}, crate = \"db\")] struct User<'a, T> {fields}");
            let code = expanded(&source).unwrap_or_default();
            assert!(code.contains("db :: __private"), "{code}");
            assert!(!code.contains("pgrepo"), "{code}");
        }
    }
}
