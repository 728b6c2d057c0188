//! One struct with everything: its DDL on a fresh database, and what it then stores.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, Json, PgEnum, PgJson, PgNewtype, PgRecord, PgTable, Set, create_table_sql};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::codes;
use crate::support::{Direct, as_role};

/// How somebody feels; the schema is the table's too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PgEnum)]
#[pg(name = "Mood's", schema = "Où \"est\"", rename_all = "lowercase")]
enum Mood {
    Sad,
    #[pg(rename = "so 'so'")]
    Soso,
    Happy,
}

#[derive(Debug, Clone, PartialEq, PgNewtype)]
#[pg(domain = "email", schema = "types")]
struct Email(String);

#[derive(Debug, Clone, PartialEq, PgNewtype)]
#[pg(domain = "tags")]
struct Tags(Vec<String>);

#[derive(Debug, Clone, PartialEq, PgNewtype)]
#[pg(domain = "strong_mood")]
struct StrongMood(Mood);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Profile {
    city: String,
    visits: i64,
    member: bool,
    born: NaiveDate,
    counts: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq, PgRecord)]
struct Address {
    /// Where the post goes.
    street: String,
    zip: Option<i32>,
}

#[derive(Debug, PgTable)]
#[pg(table = "orgs", schema = "Où \"est\"")]
struct Org {
    #[pg(primary_key)]
    id: i64,
}

/// Everybody's things.
/// On two lines, with a 'quote' and a \backslash.
#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "Every\"thing", schema = "Où \"est\"", new = "NewEverything", new_derive = "Debug, Clone")]
#[pg(unique = "email", unique = "one set: home_street, \"Größe\"", check = "positive: \"\"\"Größe\"\"\" > 0")]
#[pg(foreign_key = "of_org: (org) REFERENCES \"Où \"\"est\"\"\".orgs (id) ON DELETE CASCADE")]
#[pg(exclude = "one_room: USING btree (room WITH =)")]
#[pg(index = "home_street, \"Größe\"", index = "mood", index = "recent: (made_at DESC) INCLUDE (price) WHERE yes")]
#[pg(index = "of tags: USING gin (tags)")]
#[pg(json_index = "PROFILE.at(Profile::CITY)", json_index = "PROFILE.at(Profile::VISITS)")]
#[pg(json_index = "PROFILE.at(Profile::MEMBER)", json_index = "PROFILE.at(Profile::BORN)")]
#[pg(json_index = "PROFILE.at(Profile::COUNTS.key(\"it's\"))")]
struct Everything {
    /// The number; "quoted".
    #[pg(primary_key, identity)]
    id: i64,
    #[pg(primary_key)]
    part: i16,
    org: i64,
    email: Email,
    #[pg(column = "\"Größe\"")]
    size: i32,
    #[pg(sql_type = "varchar(40)")]
    name: Option<String>,
    mood: Mood,
    #[pg(default = "ARRAY['sad', 'happy']::\"Où \"\"est\"\"\".\"Mood's\"[]")]
    moods: Vec<Mood>,
    strong: Option<StrongMood>,
    tags: Tags,
    emails: Vec<Option<Email>>,
    #[pg(gin_index)]
    profile: Json<Profile>,
    #[pg(json, sql_type = "json")]
    plain: Option<Vec<i32>>,
    #[pg(default = "now()", sql_type = "timestamptz(3)")]
    made_at: DateTime<Utc>,
    #[pg(default = "1 + 1 > 1 AND true")]
    yes: bool,
    #[pg(generated = "\"\"\"Größe\"\"\" * 2")]
    double: i32,
    #[pg(sql_type = "numeric(12, 2)")]
    price: Decimal,
    key: Uuid,
    bytes: Vec<u8>,
    room: Option<i32>,
    #[pg(via_sqlx, sql_type = "int4")]
    driver: i32,
    #[pg(flatten = "home_")]
    home: Address,
}

fn row() -> NewEverything {
    let counts = BTreeMap::from([("it's".to_owned(), 3)]);
    let born = NaiveDate::from_ymd_opt(2000, 1, 2).unwrap();
    NewEverything {
        part: 1,
        org: 1,
        email: Email("ann@x".to_owned()),
        size: 7,
        name: None,
        mood: Mood::Soso,
        moods: Set::Server,
        strong: Some(StrongMood(Mood::Happy)),
        tags: Tags(vec!["a".to_owned(), "b".to_owned()]),
        emails: vec![None, Some(Email("bo@x".to_owned()))],
        profile: Json(Profile { city: "El Alto".to_owned(), visits: 3, member: true, born, counts }),
        plain: Some(vec![1, 2]),
        made_at: Set::Server,
        yes: Set::Server,
        price: Decimal::new(1234, 2),
        key: Uuid::from_u128(5),
        bytes: vec![0, 255],
        room: None,
        driver: 4,
        home: Address { street: "High Street".to_owned(), zip: Some(12) },
    }
}

#[pgrepo::test]
async fn the_ddl_of_a_struct_makes_a_table_that_fits(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    let missing = db.verify::<Everything>().await.unwrap();
    assert_eq!(codes(&missing), ["table-missing"]);
    db.execute_script(&create_table_sql::<Org>()).await.unwrap();
    let sql = create_table_sql::<Everything>();
    db.execute_script(&sql).await.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    let contract = db.verify::<Everything>().await.unwrap();
    assert!(contract.differences().is_empty(), "{sql}\n{contract}");
    assert!(contract.into_result().is_ok());

    db.repository::<Org>().insert(Org { id: 1 }).await.unwrap();
    let everything = db.repository::<Everything>();
    assert_eq!(everything.copy_in([row()]).await.unwrap().rows, 1);
    let all = everything.all().fetch_all().await.unwrap();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((one.id, one.double, one.yes, one.size), (1, 14, true, 7));
    assert_eq!(one.moods, [Mood::Sad, Mood::Happy]);
    assert_eq!((&one.profile, &one.emails, &one.tags), (&row().profile, &row().emails, &row().tags));
    // The constraints are there.
    for (wrong, constraint) in [
        (NewEverything { size: -1, ..row() }, "positive"),
        (NewEverything { org: 2, email: Email("c".to_owned()), size: 8, ..row() }, "of_org"),
        (NewEverything { email: Email("c".to_owned()), ..row() }, "one set"),
    ] {
        let error = everything.copy_in([wrong]).await.unwrap_err();
        assert_eq!(error.constraint(), Some(constraint), "{error:?}");
    }
    // What is there already, but for the tables, is no obstacle.
    db.execute_script(&format!("DROP TABLE \"Où \"\"est\"\"\".\"Every\"\"thing\"; {sql}")).await.unwrap();
}

#[pgrepo::test]
async fn documentation_becomes_comments(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script(&format!("{}{}", create_table_sql::<Org>(), create_table_sql::<Everything>())).await.unwrap();
    let comment = |column: i32| {
        let sql = "SELECT d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid \
                   WHERE d.classoid = 'pg_class'::regclass AND c.relname = 'Every\"thing' AND d.objsubid = $1";
        db.query(sql).bind(column).fetch_val::<String>()
    };
    assert_eq!(comment(0).await.unwrap(), "Everybody's things.\nOn two lines, with a 'quote' and a \\backslash.");
    assert_eq!(comment(1).await.unwrap(), "The number; \"quoted\".");
    let street = i32::try_from(Everything::TABLE.columns.len() - 1).unwrap();
    assert_eq!(comment(street).await.unwrap(), "Where the post goes.");
}

/// Who may see nothing of the table can compare all the same: the catalog is everybody's.
#[pgrepo::test]
async fn an_ordinary_role_needs_no_right(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script(&format!("{}{}", create_table_sql::<Org>(), create_table_sql::<Everything>())).await.unwrap();
    let mut direct = Direct::to(&test).await;
    let theirs = as_role(&test, &mut direct, "").await;
    assert!(theirs.repository::<Everything>().all().fetch_all().await.is_err());
    let contract = theirs.verify::<Everything>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
}

#[derive(Debug, PgTable)]
#[pg(table = "half", check = "half_n_check: n > 0", constraints = "HalfConstraint", exclude = "half_excl")]
#[allow(dead_code, reason = "described only")]
struct Half {
    n: i32,
    #[pg(default)]
    since: DateTime<Utc>,
    #[pg(generated)]
    double: Option<i32>,
    #[pg(via_sqlx)]
    took: Option<sqlx::postgres::types::PgInterval>,
}

#[derive(Debug, PgTable)]
#[pg(table = "seen", read_only)]
#[allow(dead_code, reason = "described only")]
struct Seen {
    n: Option<i32>,
}

/// What the struct does not say is not made up.
#[pgrepo::test]
async fn what_is_not_known_is_said(test: TestDatabase) {
    let sql = create_table_sql::<Half>();
    let expected = r#"CREATE TABLE "half" (
    "n" int4 NOT NULL,
    -- the default of the field `since` is not known here: write it in the struct, #[pg(default = "…")]
    "since" timestamptz NOT NULL,
    -- the expression of the field `double` is not known here: write it in the struct, #[pg(generated = "…")]
    "double" int4,
    -- the column "took" of the field `took`: its type is not known here
    CONSTRAINT "half_n_check" CHECK (n > 0)
    -- the exclusion constraint "half_excl" is declared by its name only: write its SQL behind the name and a colon
);
"#;
    assert_eq!(sql, expected);
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script(&sql).await.unwrap();
    let contract = db.verify::<Half>().await.unwrap();
    assert_eq!(codes(&contract), ["filled-by", "filled-by", "column-missing", "constraint-missing"], "{contract}");
    assert!(contract.differences().iter().all(|one| one.ddl().is_none()));
    assert_eq!(create_table_sql::<Seen>(), "-- `Seen` is read only: how a view is made is not known here\n");
    db.execute_script("CREATE VIEW seen AS SELECT n FROM half").await.unwrap();
    assert!(db.verify::<Seen>().await.unwrap().differences().is_empty());
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "depth", schema = "depth", rename_all = "lowercase")]
enum Depth {
    Deep,
    Deeper,
}

#[derive(Debug, PgNewtype)]
#[pg(domain = "some_depth", schema = "depth")]
struct SomeDepth(Depth);

#[derive(Debug, PgTable)]
#[pg(table = "wells", schema = "depth")]
struct Well {
    depth: Depth,
}

#[derive(Debug, PgTable)]
#[pg(table = "shafts", schema = "depth")]
#[allow(dead_code, reason = "described only")]
struct Shaft {
    depth: SomeDepth,
}

/// An enum whose schema has its name, and one under a domain.
#[pgrepo::test]
async fn enums_are_made_anew_where_that_can_be_done(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script(
        "CREATE SCHEMA depth; CREATE TYPE depth.depth AS ENUM ('deeper', 'deep', 'deepest'); \
         CREATE TABLE depth.wells (depth depth.depth NOT NULL DEFAULT 'deep'); INSERT INTO depth.wells DEFAULT VALUES; \
         CREATE DOMAIN depth.some_depth AS depth.depth NOT NULL; CREATE TABLE depth.shafts (depth depth.some_depth)",
    )
    .await
    .unwrap();
    let shafts = db.verify::<Shaft>().await.unwrap();
    assert_eq!(codes(&shafts), ["label-extra", "label-order"], "{shafts}");
    assert!(shafts.differences().iter().all(|one| one.ddl().is_none()));
    assert!(shafts.ddl().starts_with("-- make the enum anew, and the domains over it"), "{}", shafts.ddl());
    db.execute_script("DROP DOMAIN depth.some_depth CASCADE").await.unwrap();
    let wells = db.verify::<Well>().await.unwrap();
    assert_eq!(codes(&wells), ["label-extra", "label-order"], "{wells}");
    // One of both mends both.
    assert_eq!(wells.ddl().matches("CREATE TYPE").count(), 1);
    db.execute_script(&wells.ddl()).await.unwrap();
    assert!(db.verify::<Well>().await.unwrap().differences().is_empty());
    db.query("INSERT INTO depth.wells DEFAULT VALUES").execute().await.unwrap();
    let all = db.repository::<Well>().all().fetch_all().await.unwrap();
    assert_eq!(all.iter().map(|well| well.depth).collect::<Vec<_>>(), [Depth::Deep, Depth::Deep]);
}

/// A view that takes rows: only its columns are compared.
#[pgrepo::test]
async fn of_a_view_the_columns_are_compared(test: TestDatabase) {
    #[derive(Debug, PgTable)]
    #[pg(table = "view", unique = "n")]
    #[allow(dead_code, reason = "described only")]
    struct View {
        #[pg(primary_key)]
        n: i64,
        #[pg(default)]
        more: i32,
    }
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script("CREATE TABLE base (n int4, more int4, other int4); CREATE VIEW view AS SELECT * FROM base")
        .await
        .unwrap();
    let contract = db.verify::<View>().await.unwrap();
    assert_eq!(codes(&contract), ["type", "filled-by"], "{contract}");
    assert!(contract.differences().iter().all(|one| one.ddl().is_none()));
}
