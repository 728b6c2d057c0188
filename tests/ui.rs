//! What does not compile, and what the compiler says about it.
//!
//! Each case in `ui/fail` has a twin in `ui/pass` that differs only by the mistake; the twins are compiled as modules
//! of this file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::guide::{Page, pages, root};

/// The cases, each with how its message begins.
macro_rules! cases {
    ($($name:ident: $message:literal,)+) => {
        /// The cases without their mistakes.
        #[allow(dead_code, non_snake_case, unused_must_use)]
        #[path = "ui/pass"]
        mod pass {
            $(mod $name;)+
        }

        const CASES: &[(&str, &str)] = &[$((stringify!($name), $message)),+];
    };
}
cases! {
    check_of_nothing: "an expression of SQL cannot be empty",
    closure_that_is_not_async: "type annotations needed",
    column_of_another_table: "mismatched types",
    compare_with_another_type: "a column of the type `String` cannot be compared with or",
    constant_twice: "the constant `NAME` is already that of the field `name`;",
    constraint_match_misses_a_variant: "non-exhaustive patterns: `Some(UserConstraint::CheckAge)`",
    constraint_of_two_names: "the variant `CheckAge` stands for the constraint",
    constraint_twice: "the constraint \"users_age_check\" is declared twice",
    constraint_unknown_key: "unknown key `chek`; on a struct with #[derive(PgTable)]",
    constraint_without_an_enum: "`check` declares a variant of the enum that `constraints`",
    contains_on_text: "this is for arrays, and the column is `String`",
    contradiction_flatten_column: "`flatten` and `column` contradict each other: an embedded",
    contradiction_generated_default: "`generated` and `default` contradict each other: the server",
    contradiction_json_via_sqlx: "`json` and `via_sqlx` contradict each other: a value goes",
    contradiction_of_option: "`of` and `Option` contradict each other: a struct that may",
    contradiction_primary_key_option: "`primary_key` and `Option` contradict each other: such a",
    contradiction_read_only_new: "`new` and `read_only` contradict each other: nothing is",
    contradiction_skip_column: "`skip` and `column` contradict each other: a skipped field",
    contradiction_version_identity: "`identity` and `version` contradict each other: a version",
    copy_out_of_a_via_sqlx_field: "`User` cannot be read from COPY",
    copy_out_of_an_embedded_via_sqlx_field: "`User` cannot be read from COPY",
    declared_modifier: "`int8` takes no modifier; the types that do are",
    default_of_nothing: "an expression of SQL cannot be empty",
    duplicate_column: "the column \"name\" is already that of the field `name`",
    duplicate_through_flatten: "the column \"name\" is already there: give the embedded",
    enum_contradiction: "`name` and `text` contradict each other: the variants are",
    enum_label_twice: "the label \"sad\" already stands for `Sad`",
    enum_number_out_of_range: "literal out of range for `i16`",
    enum_of_unknown_integer: "unknown type \"i32\"; the known ones are `int2`, `int4` and",
    enum_with_fields: "a value has no fields of its own, and `Sad` has",
    enum_without_a_number: "write the number that stands for `Happy`: Happy = 1 (a",
    everything_at_once: "unknown key `tabel`; on a struct with #[derive(PgTable)]",
    field_flag_with_value: "`primary_key` takes no value: #[pg(primary_key)]",
    field_misspelt_value: "`String` cannot stand for varchars; it can for text,",
    field_unknown_key: "unknown key `primary`; on a field of a struct with",
    flatten_of_a_parameter: "an embedded struct's columns must be known here, and this",
    flatten_of_no_record: "`Address` has no columns",
    get_by_another_key: "a key of the type `i64` cannot be asked for with `&str`",
    get_without_a_key: "`User` has no primary key, so a row cannot be asked for by",
    gin_index_of_text: "a column of the type `String` holds no JSON document to",
    identifier_empty: "a column's name cannot be empty",
    identifier_nul: "a column's name cannot hold a NUL character",
    identifier_too_long: "a schema's name has at most 63 bytes and this one has 64:",
    index_of_no_column: "`index` takes a text: #[pg(index",
    insert_a_column_twice: "the column `NAME` is already that of another field",
    insert_into_no_table: "`Vec<i32>` does not stand for a table",
    insert_of_a_server_made_column: "this column cannot be written: the server makes it, or its",
    insert_of_another_type: "a column of the type `String` cannot be compared with or",
    insert_of_no_column_type: "a column of the type `_` cannot be compared with or set to",
    insert_of_no_such_column: "no associated item named `NMAE` found for struct `User` in",
    insert_without_a_table: "columns of which table? add #[pg(of = …)] with the table's",
    json_compare_with_another_type: "a JSON value of the type `i64` cannot be compared with or",
    json_constant_twice: "the constant `CITY` is already that of another field;",
    json_contains_on_a_number: "`i64` is neither an object nor an array in JSON, as far",
    json_flat_as_a_value: "mismatched types",
    json_has_another_type: "a JSON value of the type `String` cannot be compared with",
    json_has_on_text: "`String` is no array in JSON, as far as pgrepo knows",
    json_increment_of_text: "`String` is no number in JSON",
    json_index_of_a_declared_instant: "no index holds a `DateTime<Utc>` that stands in JSON",
    json_index_of_an_instant: "no index holds a `DateTime<Utc>` that stands in JSON",
    json_index_of_no_path: "`json_index` takes a path in quotes, from a column",
    json_key_of_a_struct: "`Address` is no map, so its JSON has no keys to ask for",
    json_key_with_nul: "a key of a jsonb document cannot hold a NUL character",
    json_merge_into_an_array: "`Vec<String>` is no object in JSON, as far as pgrepo knows",
    json_order_of_a_struct: "`Address` has no order in JSON",
    json_order_of_an_array: "`Vec<String>` has no order in JSON",
    json_path_in_text: "a column of the type `String` holds no JSON document to",
    json_path_of_another_document: "mismatched types",
    json_path_of_another_table: "mismatched types",
    json_path_of_no_such_field: "no associated item named `CTIY` found for struct",
    json_path_through_a_value: "this field is one of `Address`, and the path has led to",
    json_push_to_text: "`String` is no array in JSON, as far as pgrepo knows",
    json_range_of_another_type: "a JSON value of the type `i64` cannot be compared with or",
    json_serde_of_a_field: "a JSON path cannot follow serde's `with`, which changes",
    json_serde_of_a_struct: "a JSON path cannot follow serde's `into`, which changes",
    json_serde_of_a_variant: "a JSON path cannot follow serde's `with`, which changes",
    json_serde_remote: "a JSON path cannot follow serde's `remote`, which changes",
    json_set_in_a_generated_column: "this column cannot be written: the server makes it, or",
    json_set_to_another_type: "a JSON value of the type `i64` cannot be compared with or",
    json_union: "a document is a struct or an enum, not a union",
    json_unknown_key: "unknown key `table`; on a struct or enum with",
    json_without_serde: "`Profile` cannot be kept as JSON, which #[pg(json)] asks for",
    like_on_an_integer: "this is for text, and the column is `i64`",
    lock_outside_of_a_transaction: "rows are locked in a transaction, and `&Db` is none",
    newtype_of_an_array_as_an_element: "`Vec<i32>` cannot be the element of an array",
    newtype_of_no_column_type: "`Rc<str>` is not a type that pgrepo can put in a column",
    newtype_of_two: "a newtype has one field, and this struct has 2",
    no_column_type: "`Id` is not a type that pgrepo can put in a column",
    no_columns: "this struct has no columns",
    no_table: "which table? add #[pg(table = \"…\")]; a struct without a",
    not_a_struct: "a row is a struct with named fields, not an enum (an enum",
    optional_without_key_or_marker: "nothing says whether the joined row of `Region` is absent",
    page_token_of_another_table: "mismatched types",
    patch_a_generated_column: "this column cannot be written: the server makes it, or its",
    patch_of_another_type: "a column of the type `String` cannot be compared with or",
    patch_of_no_such_column: "no associated item named `NMAE` found for struct `User` in",
    patch_that_is_not_optional: "a change may be left out: make it an Option, where None",
    patch_with_a_row: "`&User` does not say what to change in a row of `User`",
    prefix_of_no_column: "no column of the struct has this prefix: write it as",
    record_of_a_nullable_column: "the column \"city\" can be NULL, and `String` cannot: make",
    record_of_another_type: "the column \"elevation_ft\" is `f64` in the table's struct,",
    record_of_no_such_column: "the table has no column \"ctiy\"; it has \"icao\", \"city\",",
    retried_closure_borrows_what_it_moved: "async closure does not implement `Fn` because it captures",
    retried_closure_changes: "async closure does not implement `Fn` because it captures",
    retried_closure_moves: "cannot move out of `name`, a captured variable in an",
    row_outlives_its_buffer: "cannot move out of `tuple` because it is borrowed",
    savepoint_released_twice: "use of moved value: `part`",
    select_of_another_table: "type mismatch resolving `<Place as Projection>::Table ==",
    select_of_no_projection: "`Place` is no record of some of a table's columns",
    set_a_generated_column: "this column cannot be written: the server makes it, or its",
    set_to_another_type: "a column of the type `String` cannot be compared with or",
    skip_without_default: "`Cache` has no default, which a field marked #[pg(skip)] is",
    struct_key_twice: "`table` is given twice",
    struct_misspelt_value: "unknown case \"snakecase\"; the known ones are `snake_case`,",
    struct_unknown_key: "unknown key `shema`; on a struct with #[derive(PgTable)]",
    struct_value_of_another_kind: "`schema` takes a text: #[pg(schema = \"…\")]",
    sum_of_text: "PostgreSQL has no `sum` of `String`",
    too_long_through_flatten: "a column's name has at most 63 bytes and",
    too_many_columns: "a table has at most 1600 columns, and this is the one after",
    too_many_columns_through_flatten: "a table has at most 1600 columns, and \"c_c0\" is the one",
    tuple_struct: "columns have names: use a struct with named fields",
    two_lifetimes: "a row borrows from one buffer, so its struct has at most",
    unique_of_no_embedded_column: "there is no column \"home_city\", neither of the struct nor",
    unique_of_no_such_column: "there is no column \"nmae\"; the struct has `id`, `name` and",
    unknown_placeholder: "unknown placeholder: the known one is {columns};",
    upsert_on_a_column: "`Column<User, String>` is no unique set of columns of",
    upsert_on_a_set_of_another_table: "`Unique<Order>` is no unique set of columns of `User`",
    version_of_no_integer: "`String` cannot count the changes of a row, which",
    version_twice: "a row has one version, and the field `version` is it",
    via_sqlx_without_its_traits: "`Mood` cannot go through sqlx, which #[pg(via_sqlx)] asks",
    violation_of_no_declared_constraints: "the constraints of `User` are not declared",
    write_a_view: "`User` cannot be written to a table",
    write_an_optional_struct: "a row of a table is always there: an embedded struct that",
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn names(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(folder);
    let entries = fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    files.filter_map(|file| file.strip_suffix(".rs").map(str::to_owned)).collect()
}

#[test]
fn each_mistake_has_a_twin_without_it() {
    let cases: BTreeSet<String> = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fail"), cases);
    assert_eq!(names("pass"), cases);
    for name in cases {
        assert_ne!(read(&format!("fail/{name}.rs")), read(&format!("pass/{name}.rs")), "{name}");
    }
}

#[test]
fn each_message_stands_first_and_in_the_users_file() {
    for (name, message) in CASES {
        let said = read(&format!("fail/{name}.stderr"));
        let mut lines = said.lines();
        let first = lines.next().unwrap_or_default();
        let words = first.split_once(": ").map_or(first, |(_, words)| words);
        let words = words.strip_prefix("evaluation panicked: ").unwrap_or(words);
        assert!(first.starts_with("error") && words.starts_with(message), "{name}: {first}");
        let place = lines.next().unwrap_or_default();
        assert!(place.trim_start().starts_with(&format!("--> ui/fail/{name}.rs:")), "{name}: {place}");
    }
}

/// What the guide and the README show of the compiler's messages, with some of their lines left out.
#[test]
fn messages_that_are_shown_are_the_compilers() {
    let said: Vec<String> = CASES.iter().map(|(name, _)| read(&format!("fail/{name}.stderr"))).collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let mut pages = pages().unwrap_or_default();
    pages.push(Page { name: "README".to_owned(), text: readme });
    let mut count = 0;
    for page in &pages {
        for text in page.texts().into_iter().filter(|text| text.starts_with("error")) {
            let is_said = |said: &String| {
                let mut lines = said.lines();
                text.lines().all(|shown| lines.any(|line| line == shown))
            };
            assert!(said.iter().any(is_said), "{} shows, and the compiler does not say\n{text}", page.name);
            count += 1;
        }
    }
    assert!(count >= 5, "{count} messages are shown");
}

#[test]
fn mistakes_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
