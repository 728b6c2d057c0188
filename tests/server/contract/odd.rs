//! Tables in which something is as it seldom is.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DifferenceKind, PgEnum, PgTable, Severity};

use super::{codes, only};

#[derive(Debug, PgTable)]
#[pg(table = "odd", unique = "code", check = "odd_check: n > 0", exclude = "odd_excl: USING btree (n WITH =)")]
#[allow(dead_code, reason = "described only")]
struct Odd {
    #[pg(primary_key)]
    id: i64,
    code: i32,
    n: i32,
}

/// Runs the DDL of all differences, after which there is none.
async fn mended<T: PgTable>(db: &Db) {
    let contract = db.verify::<T>().await.unwrap();
    let ddl = contract.ddl();
    db.execute_script(&ddl).await.unwrap_or_else(|error| panic!("{ddl}\n{error:?}"));
    let after = db.verify::<T>().await.unwrap();
    assert!(after.differences().is_empty(), "{contract}\nafter its DDL:\n{after}");
}

/// A domain takes no NULL if one does not that it rests on.
#[pgrepo::test(sql = "CREATE DOMAIN inner_one AS int4 NOT NULL; CREATE DOMAIN outer_one AS inner_one; \
                      CREATE TABLE nested (n outer_one, m int4)")]
async fn a_domain_over_one_that_takes_no_null_takes_none(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "nested")]
    #[allow(dead_code, reason = "described only")]
    struct Nested {
        n: i32,
        m: Option<i32>,
    }
    let contract = db.verify::<Nested>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
    let nullable: Vec<bool> = db.table_info::<Nested>().await.unwrap().columns.iter().map(|c| c.nullable).collect();
    assert_eq!(nullable, [false, true]);
}

#[derive(Debug, PgEnum)]
#[pg(name = "hue", rename_all = "lowercase")]
#[allow(dead_code, reason = "described only")]
enum Hue {
    Red,
}

#[derive(Debug, PgEnum)]
#[pg(name = "hue", rename_all = "lowercase")]
#[allow(dead_code, reason = "described only")]
enum MoreHues {
    Red,
    Blue,
}

/// Two enums of the program's for one of the database's: each is compared.
#[pgrepo::test(sql = "CREATE TYPE hue AS ENUM ('red'); CREATE TABLE hues (a hue NOT NULL, b hue NOT NULL)")]
async fn each_enum_that_stands_for_one_of_the_database_is_compared(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "hues")]
    #[allow(dead_code, reason = "described only")]
    struct Hues {
        a: Hue,
        b: MoreHues,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "hues", read_only)]
    #[allow(dead_code, reason = "described only")]
    struct Seen {
        b: MoreHues,
    }
    let contract = db.verify::<Hues>().await.unwrap();
    let missing = only(&contract);
    assert_eq!((missing.kind.code(), missing.severity), ("label-missing", Severity::BreaksWriting));
    assert_eq!(missing.column.as_deref(), Some("b"));
    // Who does not write needs no label but those that are there.
    let seen = db.verify::<Seen>().await.unwrap();
    assert_eq!((codes(&seen), seen.is_ok()), (vec!["label-missing"], true), "{seen}");
}

/// The declared names stand for something else already.
#[pgrepo::test]
async fn names_that_are_taken_are_made_free(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    for (taken, found) in [
        (
            "CREATE UNIQUE INDEX odd_pkey ON odd (id)",
            vec!["primary-key", "unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD PRIMARY KEY (id), ADD CONSTRAINT odd_code_key UNIQUE (n)",
            vec!["unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD PRIMARY KEY (id), ADD CONSTRAINT odd_code_key CHECK (n > 1)",
            vec!["unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD PRIMARY KEY (id), ADD CONSTRAINT odd_check UNIQUE (code, n)",
            vec!["unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD PRIMARY KEY (id), ADD CONSTRAINT odd_excl CHECK (n > 1)",
            vec!["unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD CONSTRAINT odd_pkey PRIMARY KEY (id, n)",
            vec!["primary-key", "unique-missing", "constraint-missing", "constraint-missing"],
        ),
        (
            "ALTER TABLE odd ADD CONSTRAINT a PRIMARY KEY (id, n), ADD CONSTRAINT odd_pkey CHECK (n > 1)",
            vec!["primary-key", "unique-missing", "constraint-missing", "constraint-missing"],
        ),
    ] {
        db.execute_script(&format!("DROP TABLE IF EXISTS odd; CREATE TABLE odd (id int8 NOT NULL, code int4 NOT NULL, n int4 NOT NULL); {taken}")).await.unwrap();
        assert_eq!(codes(&db.verify::<Odd>().await.unwrap()), found, "{taken}");
        mended::<Odd>(&db).await;
    }
}

/// ON CONFLICT does not take what is checked at the end only.
#[pgrepo::test(
    sql = "CREATE TABLE late (id int8 PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, code int4 NOT NULL UNIQUE DEFERRABLE)"
)]
async fn a_deferrable_key_is_a_difference(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "late", unique = "code")]
    struct Late {
        #[pg(primary_key)]
        id: i64,
        code: i32,
    }
    let late = || Late { id: 1, code: 2 };
    assert!(db.repository::<Late>().upsert(late()).await.is_err());
    let contract = db.verify::<Late>().await.unwrap();
    assert_eq!((codes(&contract), contract.is_ok()), (vec!["deferrable", "deferrable"], false), "{contract}");
    let shown = contract.to_string();
    assert!(
        shown.contains("the constraint \"late_code_key\" of late is deferrable, and so of no use to an upsert"),
        "{shown}"
    );
    mended::<Late>(&db).await;
    db.repository::<Late>().upsert(late()).await.unwrap();
    db.repository::<Late>().upsert_on(Late::UNIQUE_CODE, late()).await.unwrap();
    // One that is not deferrable beside it will do.
    db.execute_script("ALTER TABLE late ADD CONSTRAINT a UNIQUE (code) DEFERRABLE").await.unwrap();
    assert!(db.verify::<Late>().await.unwrap().differences().is_empty());
}

#[pgrepo::test(sql = "CREATE MATERIALIZED VIEW frozen AS SELECT 1::int4 AS n")]
async fn a_materialised_view_takes_no_rows(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "frozen")]
    struct Frozen {
        n: i32,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "frozen", read_only)]
    #[allow(dead_code, reason = "described only")]
    struct Seen {
        n: i32,
    }
    assert!(db.repository::<Frozen>().copy_in([Frozen { n: 1 }]).await.is_err());
    let contract = db.verify::<Frozen>().await.unwrap();
    let one = only(&contract);
    assert_eq!((&one.kind, one.severity), (&DifferenceKind::TakesNoRows, Severity::BreaksWriting));
    assert!(contract.to_string().contains("#[pg(read_only)]"), "{contract}");
    assert!(db.verify::<Seen>().await.unwrap().differences().is_empty());
    assert_eq!(db.repository::<Frozen>().all().fetch_all().await.unwrap()[0].n, 1);
}

/// Only what can be written through, or has a trigger, takes rows.
#[pgrepo::test(sql = "CREATE TABLE numbers (n int4); CREATE VIEW plain AS SELECT n FROM numbers WHERE n > 0; \
           CREATE VIEW counted AS SELECT n FROM numbers GROUP BY n")]
async fn a_view_that_cannot_be_written_through_takes_no_rows(db: Db) {
    #[derive(Debug, PgTable)]
    #[pg(table = "plain")]
    struct Plain {
        n: Option<i32>,
    }
    #[derive(Debug, PgTable)]
    #[pg(table = "counted")]
    struct Counted {
        n: Option<i32>,
    }
    db.repository::<Plain>().insert(Plain { n: Some(1) }).await.unwrap();
    assert!(db.verify::<Plain>().await.unwrap().differences().is_empty());

    let counted = db.repository::<Counted>();
    assert!(counted.insert(Counted { n: Some(1) }).await.is_err());
    let contract = db.verify::<Counted>().await.unwrap();
    let one = only(&contract);
    assert_eq!((&one.kind, one.severity), (&DifferenceKind::TakesNoRows, Severity::BreaksWriting));
    assert!(contract.to_string().contains("INSTEAD OF"), "{contract}");
    db.execute_script(
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO numbers VALUES (NEW.n); RETURN NEW; END $$; \
         CREATE TRIGGER kept INSTEAD OF INSERT ON counted FOR EACH ROW EXECUTE FUNCTION kept()",
    )
    .await
    .unwrap();
    assert!(db.verify::<Counted>().await.unwrap().differences().is_empty());
    assert_eq!(counted.copy_in([Counted { n: Some(2) }]).await.unwrap().rows, 1);
}
