//! What the derives say of a table beside its columns.

use pgrepo::{
    ConstraintMetaKind, Json, PgEnum, PgNewtype, PgRecord, PgTable, PgType, SqlType, TypeDefinition, create_table_sql,
};

#[derive(Debug, PgEnum)]
#[pg(name = "mood", schema = "app", rename_all = "lowercase")]
enum Mood {
    Sad,
    #[pg(rename = "so so")]
    Soso,
}

#[derive(Debug, PgEnum)]
#[pg(text)]
enum Level {
    Low,
}

#[derive(Debug, PgNewtype)]
#[pg(domain = "moods")]
struct Moods(Vec<Mood>);

#[derive(Debug, PgNewtype)]
struct Plain<T>(T);

#[derive(Debug, PgRecord)]
struct Address {
    /// The street.
    street: String,
    #[pg(default = "0")]
    zip: i32,
}

/// All of it.
///
///   Indented.
#[derive(Debug, PgTable)]
#[pg(table = "users", unique = "name", unique = "users_home: home_street", check = "users_age_check:  age::int8 > 0 ")]
#[pg(json_index = "PROFILE.document().key(\"city\")")]
#[pg(index = "home_zip,part", index = "of name: name", index = "recent: (id DESC) WHERE part > 1")]
#[pg(index = "by_hash:using hash (id)")]
#[allow(dead_code, reason = "described only")]
struct User<'a> {
    /** The key. */
    #[pg(primary_key)]
    id: i64,
    #[pg(primary_key)]
    part: i16,
    /// A name,
    /// on two lines.
    #[pg(generated = "upper('x')")]
    name: &'a str,
    #[pg(default)]
    age: Plain<Option<Vec<Option<Mood>>>>,
    moods: Moods,
    /// Skipped in the comments, since an embedded struct is no column.
    #[pg(flatten = "home_")]
    home: Address,
    #[pg(gin_index)]
    profile: Json<std::collections::BTreeMap<String, String>>,
}

#[test]
fn documentation_and_expressions_are_kept() {
    let table = User::TABLE;
    assert_eq!((table.rust_type, table.doc), ("User", "All of it.\n\n  Indented."));
    let of = |field: &str| table.columns.iter().find(|column| column.spec.field == field).unwrap().spec;
    assert_eq!(of("id").doc, "The key.");
    assert_eq!((of("name").doc, of("name").expression), ("A name,\non two lines.", Some("upper('x')")));
    assert!(of("name").generated && of("age").default);
    assert_eq!((of("age").doc, of("age").expression), ("", None));
    assert_eq!((of("street").doc, of("zip").expression, of("zip").default), ("The street.", Some("0"), true));
}

#[test]
fn constraints_are_kept_with_their_columns_and_sql() {
    let all: Vec<_> = User::TABLE
        .constraints
        .iter()
        .map(|one| {
            let columns: Vec<String> = one.columns.iter().map(ToString::to_string).collect();
            (one.kind, one.name, one.named, columns.join(","), one.sql)
        })
        .collect();
    let expected = [
        (ConstraintMetaKind::Key, "users_pkey", false, "id,part", None),
        (ConstraintMetaKind::UniqueSet, "users_name_key", false, "name", None),
        (ConstraintMetaKind::UniqueSet, "users_home", true, "home_street", None),
        (ConstraintMetaKind::Check, "users_age_check", true, "", Some("age::int8 > 0")),
    ];
    assert_eq!(all, expected.map(|(kind, name, named, columns, sql)| (kind, name, named, columns.to_owned(), sql)));
    let indexes = User::TABLE.declared_indexes();
    let indexes: Vec<_> = indexes.iter().map(|one| (&*one.name, &*one.sql, one.written)).collect();
    let expected = [
        ("users_home_zip_part_idx", r#"USING btree ("home_zip", "part")"#, false),
        ("of name", r#"USING btree ("name")"#, false),
        ("recent", "(id DESC) WHERE part > 1", true),
        ("by_hash", "using hash (id)", true),
        ("users_profile_gin", r#"USING gin ("profile" jsonb_path_ops)"#, false),
        ("users_profile_city_idx", r#"((("profile" ->> 'city')))"#, false),
    ];
    assert_eq!(indexes, expected);
}

#[test]
fn types_say_how_they_are_made() {
    const TY: PgType = PgType::named("mood").in_schema("app");
    const MOOD: &TypeDefinition = &TypeDefinition::Enum { ty: TY, labels: &["sad", "so so"] };
    assert_eq!(<Plain<Option<Vec<Option<Mood>>>>>::DEFINITION, Some(MOOD));
    let moods = TypeDefinition::Domain { ty: PgType::named("moods"), base: TY, array: true, definition: Some(MOOD) };
    assert_eq!(<&Moods>::DEFINITION, Some(&moods));
    assert_eq!((Level::DEFINITION, i64::DEFINITION), (None, None));
}

#[test]
fn the_ddl_is_made_of_it() {
    let expected = r#"CREATE SCHEMA IF NOT EXISTS "app";
DO $make$BEGIN CREATE TYPE "app"."mood" AS ENUM ('sad', 'so so'); EXCEPTION WHEN duplicate_object THEN NULL; END$make$;
DO $make$BEGIN CREATE DOMAIN "moods" AS "app"."mood"[]; EXCEPTION WHEN duplicate_object THEN NULL; END$make$;
CREATE TABLE "users" (
    "id" int8 NOT NULL,
    "part" int2 NOT NULL,
    "name" text GENERATED ALWAYS AS (upper('x')) STORED NOT NULL,
    -- the default of the field `age` is not known here: write it in the struct, #[pg(default = "…")]
    "age" "app"."mood"[],
    "moods" "moods" NOT NULL,
    "home_street" text NOT NULL,
    "home_zip" int4 DEFAULT (0) NOT NULL,
    "profile" jsonb NOT NULL,
    CONSTRAINT "users_pkey" PRIMARY KEY ("id", "part"),
    CONSTRAINT "users_name_key" UNIQUE ("name"),
    CONSTRAINT "users_home" UNIQUE ("home_street"),
    CONSTRAINT "users_age_check" CHECK (age::int8 > 0)
);
CREATE INDEX "users_home_zip_part_idx" ON "users" USING btree ("home_zip", "part");
CREATE INDEX "of name" ON "users" USING btree ("name");
CREATE INDEX "recent" ON "users" (id DESC) WHERE part > 1;
CREATE INDEX "by_hash" ON "users" using hash (id);
CREATE INDEX "users_profile_gin" ON "users" USING gin ("profile" jsonb_path_ops);
CREATE INDEX "users_profile_city_idx" ON "users" ((("profile" ->> 'city')));
COMMENT ON TABLE "users" IS 'All of it.

  Indented.';
COMMENT ON COLUMN "users"."id" IS 'The key.';
COMMENT ON COLUMN "users"."name" IS 'A name,
on two lines.';
COMMENT ON COLUMN "users"."home_street" IS 'The street.';
"#;
    assert_eq!(create_table_sql::<User<'_>>(), expected);
}
