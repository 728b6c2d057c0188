//! What the DDL of a difference does to values, indexes and types.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, PgEnum, PgTable, Set, create_table_sql};

use super::altered::{Person, database};
use super::{codes, only};

/// A change of a type keeps the values, or says that it may not.
#[pgrepo::test]
async fn ddl_that_may_change_values_says_so_and_is_commented_out(test: TestDatabase) {
    let db = database(&test).await;
    let mut wrong = Vec::new();
    for (column, ty, keeps) in [
        ("age", "int8", true),
        ("age", "int2", true),
        ("age", "text", true),
        ("age", "numeric", false),
        ("age", "float8", false),
        ("rank", "float4", false),
        ("note", "int4", true),
        ("mood", "text", true),
        ("code", "int4", false),
        ("extra", "json", false),
    ] {
        let mut tx = db.begin().await.unwrap();
        // What stands in the way of the change, and is of no interest here.
        tx.execute_script("ALTER TABLE people DROP COLUMN double").await.unwrap();
        let alter = format!("ALTER TABLE people ALTER {column} TYPE {ty} USING NULL");
        tx.execute_script(&format!("ALTER TABLE people ALTER {column} DROP NOT NULL; {alter}")).await.unwrap();
        let contract = tx.verify::<Person>().await.unwrap();
        let found = contract.differences().iter().find(|one| one.column.as_deref() == Some(column)).unwrap();
        let ddl = found.ddl().unwrap();
        let commented = contract.ddl().contains(&format!("-- {}", ddl.lines().next().unwrap()));
        if (found.loses_values(), commented) != (!keeps, !keeps) {
            wrong.push(format!("{column} of {ty}: {found}"));
        }
        tx.rollback().await.unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An index has the declared name, and is of something else.
#[pgrepo::test]
async fn an_index_of_the_name_that_is_of_something_else_is_none(test: TestDatabase) {
    let db = database(&test).await;
    let name: String = db
        .query("SELECT indexname FROM pg_indexes WHERE tablename = 'people' AND indexdef LIKE '%city%'")
        .fetch_val()
        .await
        .unwrap();
    db.execute_script(&format!("DROP INDEX \"{name}\"; CREATE INDEX \"{name}\" ON people (nick)")).await.unwrap();
    let contract = db.verify::<Person>().await.unwrap();
    let one = only(&contract);
    assert_eq!(one.kind.code(), "index-missing");
    let shown = contract.to_string();
    assert!(shown.contains(&format!("the index {name:?} of people is another one: USING btree (nick)")), "{shown}");
    // Somebody may want it.
    assert!(one.loses_values() && contract.ddl().starts_with("-- DROP INDEX"), "{contract}");
    db.execute_script(&one.ddl().unwrap()).await.unwrap();
    assert!(db.verify::<Person>().await.unwrap().differences().is_empty());
}

/// An index has the name that another one, or a constraint, has already.
#[pgrepo::test]
async fn nothing_that_keeps_rows_apart_gives_way_to_an_index(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "taken", index = "k: x, y")]
    #[allow(dead_code, reason = "described only")]
    struct Taken {
        x: i32,
        y: i32,
    }
    for (has_it, keeps) in [
        ("ALTER TABLE taken ADD CONSTRAINT k PRIMARY KEY (x)", true),
        ("ALTER TABLE taken ADD CONSTRAINT k UNIQUE (x)", true),
        ("ALTER TABLE taken ADD CONSTRAINT k EXCLUDE (x WITH =)", true),
        ("CREATE UNIQUE INDEX k ON taken (x) WHERE y > 0", true),
        ("CREATE INDEX k ON taken (x)", false),
        ("ALTER TABLE taken ADD CONSTRAINT k CHECK (x > 0)", false),
        ("CREATE INDEX \"n USING k\" ON taken (x)", false),
    ] {
        let mut tx = db.begin().await.unwrap();
        tx.execute_script(&format!("CREATE TABLE taken (x int4 NOT NULL, y int4 NOT NULL); {has_it}")).await.unwrap();
        let contract = tx.verify::<Taken>().await.unwrap();
        let ddl = only(&contract).ddl();
        assert_eq!(ddl.is_none(), keeps, "{has_it}\n{contract}");
        if let Some(ddl) = ddl {
            assert!(!ddl.contains("DROP CONSTRAINT"), "{ddl}");
            tx.execute_script(&ddl).await.unwrap();
            assert!(tx.verify::<Taken>().await.unwrap().differences().is_empty());
        } else {
            assert!(contract.to_string().contains("give the index another name"), "{contract}");
        }
        tx.rollback().await.unwrap();
    }
}

/// A domain has its own limit and checks, a view what its query makes, and both are left alone.
#[pgrepo::test(sql = "CREATE DOMAIN five AS varchar(5) CHECK (VALUE <> 'x'); CREATE DOMAIN narrow AS five; \
           CREATE TABLE bound (a five, b narrow, c five[] NOT NULL); CREATE VIEW seen AS SELECT a::text AS a FROM bound")]
async fn the_limit_of_a_domain_or_of_a_view_is_its_own(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "bound")]
    #[allow(dead_code, reason = "described only")]
    struct Bound {
        #[pg(sql_type = "varchar(7)")]
        a: Option<String>,
        #[pg(sql_type = "varchar(5)")]
        b: Option<String>,
        #[pg(sql_type = "varchar(5)")]
        c: Vec<String>,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "seen", read_only)]
    #[allow(dead_code, reason = "described only")]
    struct Seen {
        #[pg(sql_type = "text")]
        a: Option<String>,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "limited", read_only)]
    #[allow(dead_code, reason = "described only")]
    struct Limited {
        #[pg(sql_type = "varchar(7)")]
        a: Option<String>,
    }
    assert_eq!(codes(&db.verify::<Bound>().await.unwrap()), [""; 0]);
    assert_eq!(codes(&db.verify::<Seen>().await.unwrap()), [""; 0]);
    db.execute_script("CREATE VIEW limited AS SELECT a::varchar(3) AS a FROM bound").await.unwrap();
    assert_eq!(codes(&db.verify::<Limited>().await.unwrap()), [""; 0]);
}

/// Where an enum is made anew, a column of it that is to be a short text refuses what is too long.
#[pgrepo::test(
    sql = "CREATE TYPE shade_of AS ENUM ('more', 'dark', 'light'); CREATE TABLE bulbs (shade shade_of NOT NULL, short shade_of NOT NULL)"
)]
async fn an_enum_that_becomes_a_short_text_is_not_cut(db: Db) {
    #[derive(Debug, PgEnum)]
    #[pg(name = "shade_of", rename_all = "lowercase")]
    #[allow(dead_code, reason = "it is a column's type only")]
    enum ShadeOf {
        Dark,
        Light,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "bulbs")]
    #[allow(dead_code, reason = "described only")]
    struct Bulb {
        shade: ShadeOf,
        #[pg(sql_type = "varchar(4)")]
        short: String,
    }
    db.query("INSERT INTO bulbs VALUES ('dark', 'light')").execute().await.unwrap();
    let contract = db.verify::<Bulb>().await.unwrap();
    let labels = contract.differences().iter().find(|one| one.kind.code() == "label-extra").unwrap();
    let error = db.execute_script(&labels.ddl().unwrap()).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "22001", "{error:?}");
    db.query("UPDATE bulbs SET short = 'dark'").execute().await.unwrap();
    db.execute_script(&labels.ddl().unwrap()).await.unwrap();
    assert_eq!(codes(&db.verify::<Bulb>().await.unwrap()), [""; 0]);
}

#[derive(Debug, PgEnum)]
#[pg(name = "shade", schema = "made for it", rename_all = "lowercase")]
#[allow(dead_code, reason = "it is a column's type only")]
enum Shade {
    Dark,
    Light,
}

#[derive(Debug, PgTable)]
#[pg(table = "lamp")]
#[allow(dead_code, reason = "as above")]
struct Lamp {
    #[pg(primary_key)]
    id: i64,
    shade: Option<Shade>,
}

/// A column whose type is of a schema that is not there.
#[pgrepo::test]
async fn a_column_of_a_new_type_in_a_new_schema_is_added(db: Db) {
    for before in ["CREATE TABLE lamp (id int8 PRIMARY KEY)", "CREATE TABLE lamp (id int8 PRIMARY KEY, shade text)"] {
        let mut tx = db.begin().await.unwrap();
        tx.execute_script(before).await.unwrap();
        let contract = tx.verify::<Lamp>().await.unwrap();
        tx.execute_script(&contract.ddl()).await.unwrap();
        let contract = tx.verify::<Lamp>().await.unwrap();
        assert!(contract.differences().is_empty(), "{contract}");
        tx.rollback().await.unwrap();
    }
}

#[derive(Debug, PgTable)]
#[pg(table = "bounded", new = "NewBounded")]
struct Bounded {
    #[pg(sql_type = "varchar(5)")]
    text: String,
    #[pg(sql_type = "bpchar(3)")]
    padded: Option<String>,
    #[pg(sql_type = "varchar(5)")]
    texts: Vec<String>,
    #[pg(sql_type = "numeric(6, 2)")]
    price: rust_decimal::Decimal,
    #[pg(sql_type = "numeric(4)")]
    count: Option<rust_decimal::Decimal>,
    #[pg(sql_type = "timestamp(0)", default = "'2000-01-01'")]
    at: chrono::NaiveDateTime,
}

fn bounded(text: &str) -> NewBounded {
    let (text, price) = (text.to_owned(), rust_decimal::Decimal::new(12345, 3));
    NewBounded { text: text.clone(), padded: None, texts: vec![text], price, count: None, at: Set::Server }
}

/// What limits a column's values is made, found where it is another, and mended; nothing is cut in silence.
#[pgrepo::test]
async fn a_limit_of_a_type_is_made_found_and_mended(db: Db) {
    let made = create_table_sql::<Bounded>();
    db.execute_script(&made).await.unwrap();
    assert_eq!(codes(&db.verify::<Bounded>().await.unwrap()), [""; 0], "{made}");
    let rows = db.repository::<Bounded>();
    rows.copy_in([bounded("short")]).await.unwrap();
    let error = rows.copy_in([bounded("too long")]).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "22001", "{error:?}");
    let one = rows.all().fetch_one().await.unwrap();
    assert_eq!((one.text.as_str(), one.price.to_string()), ("short", "12.35".to_owned()));

    let value = "'more than five'";
    for (column, ty, keeps, refused) in [
        ("text", "varchar(4)", true, ""),
        ("text", "varchar", false, value),
        ("text", "text", false, value),
        ("padded", "bpchar(4)", true, "'four'"),
        ("texts", "varchar(6)[]", false, "'{longer}'"),
        ("texts", "text[]", false, "'{longer}'"),
        ("price", "numeric(8,3)", false, ""),
        ("price", "numeric(5,2)", true, ""),
        ("price", "numeric(8,2)", true, "123456.78"),
        ("price", "numeric", false, ""),
        ("price", "int4", true, "123456"),
        ("count", "numeric(4,1)", false, ""),
        ("at", "timestamp", false, ""),
        ("at", "date", true, ""),
    ] {
        let mut tx = db.begin().await.unwrap();
        let what = format!("{column} {ty}");
        let alter = format!(
            "DELETE FROM bounded; ALTER TABLE bounded ALTER at DROP DEFAULT, ALTER {column} DROP NOT NULL, \
             ALTER {column} TYPE {ty} USING NULL; ALTER TABLE bounded ALTER at SET DEFAULT '2000-01-01'"
        );
        tx.execute_script(&alter).await.unwrap();
        let contract = tx.verify::<Bounded>().await.unwrap();
        let of_it = |one: &&pgrepo::Difference| one.column.as_deref() == Some(column) && one.kind.code() != "nullable";
        let found = contract.differences().iter().find(of_it).unwrap_or_else(|| panic!("{what}\n{contract}"));
        let found = found.clone();
        assert_eq!(found.loses_values(), !keeps, "{what}\n{contract}");
        let ddl = found.ddl().unwrap();
        tx.execute_script(&ddl).await.unwrap_or_else(|error| panic!("{ddl}\n{error:?}"));
        let after = tx.verify::<Bounded>().await.unwrap();
        assert!(!after.differences().iter().any(|one| of_it(&one)), "{what}\n{after}");
        tx.rollback().await.unwrap();
        // What is longer than the limit is refused and not cut.
        if !refused.is_empty() {
            let mut tx = db.begin().await.unwrap();
            tx.execute_script(&alter).await.unwrap();
            let others =
                "ALTER TABLE bounded ALTER text DROP NOT NULL, ALTER texts DROP NOT NULL, ALTER price DROP NOT NULL";
            tx.execute_script(&format!("{others}; INSERT INTO bounded ({column}) VALUES ({refused})")).await.unwrap();
            let error = tx.execute_script(&ddl).await.unwrap_err();
            let state = error.sqlstate().unwrap();
            assert!(matches!(state.as_str(), "22001" | "22003"), "{what}: {error:?}");
            tx.rollback().await.unwrap();
        }
    }
}
