//! A table that is altered by hand: exactly that difference is found, loads and reads do what it says, and its DDL mends it.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Contract, Db, Json, PgEnum, PgJson, PgNewtype, PgTable, Set, Severity, Tx, create_table_sql};
use serde::{Deserialize, Serialize};

use super::{codes, only};

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Soso,
    Happy,
}

#[derive(Debug, Clone, PartialEq, PgNewtype)]
#[pg(domain = "code")]
struct Code(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Profile {
    city: String,
    visits: i64,
    member: bool,
    key: uuid::Uuid,
    counts: BTreeMap<String, i64>,
}

#[derive(Debug, PgTable)]
#[pg(table = "people", new = "NewPerson", new_derive = "Clone", unique = "email", constraints = "PersonConstraint")]
#[pg(check = "people_email_check: email <> ''")]
#[pg(index = "rank, nick", index = "people_low_idx: (lower(nick) DESC) WHERE rank IN (1, 2)")]
#[pg(json_index = "PROFILE.at(Profile::CITY)", json_index = "PROFILE.at(Profile::VISITS)")]
#[pg(json_index = "PROFILE.at(Profile::MEMBER)", json_index = "PROFILE.at(Profile::KEY)")]
#[pg(json_index = "PROFILE.at(Profile::COUNTS.key(\"it's\"))")]
#[allow(dead_code, reason = "rows are read and not looked at")]
pub(super) struct Person {
    #[pg(primary_key, identity)]
    id: i64,
    email: String,
    age: Option<i32>,
    rank: i32,
    note: Option<String>,
    #[pg(sql_type = "varchar(20)")]
    nick: String,
    code: Code,
    mood: Mood,
    moods: Option<Vec<Mood>>,
    #[pg(gin_index)]
    profile: Json<Profile>,
    extra: Json<Vec<i32>>,
    #[pg(default = "'en'")]
    language: String,
    #[pg(generated = "rank * 2")]
    double: Option<i32>,
}

fn rows() -> Vec<NewPerson> {
    let counts = BTreeMap::new();
    let profile = Profile { city: "La Paz".to_owned(), visits: 1, member: false, key: uuid::Uuid::nil(), counts };
    let row = |n: i32, mood, full: bool| NewPerson {
        email: format!("{n}@x"),
        age: full.then_some(n),
        rank: n,
        note: full.then(|| "n".to_owned()),
        nick: "nick".to_owned(),
        code: Code("c".to_owned()),
        mood,
        moods: full.then(|| vec![mood]),
        profile: Json(profile.clone()),
        extra: Json(vec![n]),
        language: Set::Server,
    };
    vec![row(1, Mood::Sad, true), row(2, Mood::Soso, false), row(3, Mood::Happy, true)]
}

/// A row that SQL makes, with something in the place of a column's value.
fn sql_row(column: &str, value: &str) -> String {
    let values = [("email", "'sql@x'"), ("rank", "1"), ("nick", "'n'"), ("code", "'c'"), ("mood", "'happy'")];
    let json = [
        (
            "profile",
            r#"'{"city": "c", "visits": 1, "member": true, "key": "00000000-0000-0000-0000-000000000000", "counts": {}}'"#,
        ),
        ("extra", "'[]'"),
    ];
    let all = values.iter().chain(&json).map(|(name, own)| (*name, if *name == column { value } else { own }));
    let (names, values): (Vec<_>, Vec<_>) = all.unzip();
    format!("INSERT INTO people ({}) VALUES ({})", names.join(", "), values.join(", "))
}

/// What a `mood` of other labels takes.
fn moods(labels: &str) -> String {
    format!(
        "CREATE TYPE other AS ENUM ({labels}); \
         ALTER TABLE people ALTER mood TYPE other USING mood::text::other, \
         ALTER moods TYPE other[] USING moods::text[]::other[]; \
         DROP TYPE mood; ALTER TYPE other RENAME TO mood"
    )
}

/// How the table is altered, and the codes and severities that are then found.
fn cases() -> Vec<(String, Vec<(&'static str, Severity)>)> {
    use Severity::*;
    let alter = |what: &str| format!("ALTER TABLE people {what}");
    let one = |code, severity| vec![(code, severity)];
    let with = |sql: String, more: String| format!("{sql}; {more}");
    vec![
        ("DROP TABLE people".to_owned(), one("table-missing", BreaksBoth)),
        (alter("DROP COLUMN note"), one("column-missing", BreaksBoth)),
        (alter("DROP COLUMN language"), one("column-missing", BreaksBoth)),
        (alter("DROP COLUMN double"), one("column-missing", BreaksReading)),
        (alter("ADD COLUMN more text"), one("column-extra", Differs)),
        (alter("ADD COLUMN more text NOT NULL DEFAULT ''"), one("column-extra", Differs)),
        (alter("ADD COLUMN \"mo\"\"re\" int4 NOT NULL"), one("column-extra", BreaksWriting)),
        (alter("ALTER age TYPE int8"), one("type", BreaksBoth)),
        (alter("ALTER note TYPE bytea USING note::bytea"), one("type", BreaksBoth)),
        (alter("ALTER moods TYPE text[] USING moods::text[]"), one("type", BreaksBoth)),
        (alter("ALTER mood TYPE text"), one("type", BreaksBoth)),
        (alter("ALTER id TYPE int4"), one("type", BreaksReading)),
        (
            with(alter("ALTER language DROP DEFAULT"), alter("ALTER language TYPE bytea USING language::bytea"))
                + "; ALTER TABLE people ALTER language SET DEFAULT 'en'::bytea",
            one("type", BreaksBoth),
        ),
        (alter("ALTER extra TYPE json"), one("declared-type", Differs)),
        (alter("ALTER code TYPE text"), one("declared-type", Differs)),
        (alter("ALTER nick TYPE text"), one("declared-type", Differs)),
        (alter("ALTER nick TYPE varchar(10)"), one("declared-type", Differs)),
        (with(alter("ALTER email DROP NOT NULL"), sql_row("email", "NULL")), one("nullable", BreaksReading)),
        (alter("ALTER age SET NOT NULL"), one("not-null", BreaksWriting)),
        (alter("ALTER id DROP IDENTITY"), one("filled-by", BreaksWriting)),
        (alter("ALTER id SET GENERATED ALWAYS"), vec![]),
        (alter("ALTER language DROP DEFAULT"), one("filled-by", BreaksWriting)),
        (alter("DROP age, ADD age int4 GENERATED ALWAYS AS (1) STORED"), one("filled-by", BreaksWriting)),
        (alter("ALTER rank ADD GENERATED ALWAYS AS IDENTITY"), one("filled-by", BreaksWriting)),
        (alter("ALTER rank SET DEFAULT 3"), vec![]),
        (alter("ALTER double DROP EXPRESSION"), one("filled-by", Differs)),
        (alter("DROP CONSTRAINT people_pkey"), one("primary-key", BreaksUpserts)),
        (alter("DROP CONSTRAINT people_pkey, ADD PRIMARY KEY (nick, email)"), one("primary-key", BreaksUpserts)),
        (alter("RENAME CONSTRAINT people_pkey TO key"), one("constraint-name", Differs)),
        (alter("DROP CONSTRAINT people_email_key"), one("unique-missing", BreaksUpserts)),
        (
            alter(
                "DROP CONSTRAINT people_email_key; CREATE UNIQUE INDEX people_email_key ON people (email) WHERE age > 1",
            ),
            // An index of its name is in the way of the constraint, and goes.
            one("unique-missing", BreaksUpserts),
        ),
        ("ALTER INDEX people_email_key RENAME TO \"o\"\"ther\"".to_owned(), one("constraint-name", Differs)),
        (alter("DROP CONSTRAINT people_email_check"), one("constraint-missing", Differs)),
        (moods("'sad', 'happy'"), one("label-missing", BreaksWriting)),
        (with(moods("'soso', 'happy'"), alter("ALTER mood SET DEFAULT 'happy'")), one("label-missing", BreaksWriting)),
        (
            with(
                with(moods("'sad', 'soso', 'angry', 'happy'"), alter("ALTER mood SET DEFAULT 'sad'")),
                sql_row("mood", "'angry'"),
            ),
            one("label-extra", BreaksReading),
        ),
        (moods("'happy', 'sad', 'soso'"), one("label-order", Differs)),
        (
            with("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'".to_owned(), sql_row("mood", "'blue'")),
            vec![("label-missing", BreaksWriting), ("label-extra", BreaksReading)],
        ),
        ("DROP INDEX people_profile_gin".to_owned(), one("index-missing", Differs)),
        ("DROP INDEX people_profile_city_idx".to_owned(), one("index-missing", Differs)),
        ("DROP INDEX people_rank_nick_idx".to_owned(), one("index-missing", Differs)),
        (
            "DROP INDEX people_rank_nick_idx; CREATE INDEX people_rank_nick_idx ON people (nick, rank)".to_owned(),
            one("index-missing", Differs),
        ),
        ("DROP INDEX people_low_idx".to_owned(), one("index-missing", Differs)),
        // One of SQL is known by its name, or by being said as the server says it.
        ("DROP INDEX people_low_idx; CREATE INDEX people_low_idx ON people (nick)".to_owned(), vec![]),
        ("ALTER INDEX people_rank_nick_idx RENAME TO a".to_owned(), vec![]),
        ("ALTER INDEX people_low_idx RENAME TO a".to_owned(), one("index-missing", Differs)),
        // How it is stored is nobody's affair.
        (
            "ALTER INDEX people_profile_gin SET (fastupdate = off, gin_pending_list_limit = 128); \
             ALTER INDEX people_profile_city_idx SET (fillfactor = 70)"
                .to_owned(),
            vec![],
        ),
        (
            "ALTER INDEX people_profile_gin RENAME TO a; ALTER INDEX people_profile_city_idx RENAME TO b; \
             ALTER INDEX people_profile_visits_idx RENAME TO c; ALTER INDEX people_profile_member_idx RENAME TO d; \
             ALTER INDEX people_profile_key_idx RENAME TO e; ALTER INDEX \"people_profile_counts_it's_idx\" RENAME TO f"
                .to_owned(),
            vec![],
        ),
    ]
}

/// Whether reads and loads are refused in a transaction, which goes on as if neither had been.
async fn refused(tx: &mut Tx) -> (bool, bool) {
    let mut reads = false;
    // An error at the end undoes it.
    let read = tx.savepoint(async |sp| {
        reads = sp.repository::<Person>().all().fetch_all().await.is_err();
        sp.query("SELECT 1 / 0").execute().await
    });
    assert!(read.await.is_err());
    (reads, loads_refused(tx).await)
}

async fn loads_refused(tx: &mut Tx) -> bool {
    let mut loads = false;
    let load = tx.savepoint(async |sp| {
        // With the default left to the server, and sent.
        loads = sp.repository::<Person>().copy_in(rows()).await.is_err();
        sp.execute_script("DELETE FROM people").await?;
        let sent = rows().into_iter().map(|row| NewPerson { language: Set::To("de".to_owned()), ..row });
        loads |= sp.repository::<Person>().copy_in(sent).await.is_err();
        sp.query("SELECT 1 / 0").execute().await
    });
    assert!(load.await.is_err());
    loads
}

/// Whether what goes by the key or by the unique set is refused.
async fn upserts_refused(tx: &mut Tx) -> bool {
    let mut upserts = false;
    let tried = tx.savepoint(async |sp| {
        upserts = sp.repository::<Person>().upsert_on(Person::UNIQUE_EMAIL, rows().remove(0)).await.is_err();
        sp.query("SELECT 1 / 0").execute().await
    });
    assert!(tried.await.is_err());
    let tried = tx.savepoint(async |sp| {
        upserts |= sp.repository::<Person>().delete_many([1_i64]).execute().await.is_err();
        sp.query("SELECT 1 / 0").execute().await
    });
    assert!(tried.await.is_err());
    upserts
}

/// Whether COPY OUT is refused, or fails at a row; it is not prepared, so that nothing of it is out of date.
async fn copy_out_refused(mut tx: Tx) -> bool {
    match tx.repository::<Person>().copy_out().await {
        Ok(rows) => rows.try_collect::<Vec<_>>().await.is_err(),
        Err(_) => true,
    }
}

/// What the contract says of that.
fn foretold(contract: &Contract) -> (bool, bool) {
    let any = |of: fn(Severity) -> bool| contract.differences().iter().any(|one| of(one.severity));
    (any(Severity::breaks_reading), any(Severity::breaks_writing))
}

pub(super) async fn database(test: &TestDatabase) -> Db {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script(&create_table_sql::<Person>()).await.unwrap();
    db
}

#[pgrepo::test]
async fn each_difference_is_found_and_mended(test: TestDatabase) {
    let db = database(&test).await;
    let contract = db.verify::<Person>().await.unwrap();
    assert_eq!(codes(&contract), [""; 0], "{contract}");
    for (sql, expected) in cases() {
        // A session of its own: what another has prepared would be out of date.
        let db = Db::from_url(&test.url()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute_script(&sql).await.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
        let contract = tx.verify::<Person>().await.unwrap();
        let found: Vec<_> = contract.differences().iter().map(|one| (one.kind.code(), one.severity)).collect();
        assert_eq!(found, expected, "{sql}\n{contract}");
        assert_eq!(refused(&mut tx).await, foretold(&contract), "{sql}\n{contract}");
        if foretold(&contract) == (false, false) {
            assert_eq!(upserts_refused(&mut tx).await, !contract.is_ok(), "{sql}\n{contract}");
        }
        // What a row holds that the struct cannot is not the DDL's to mend.
        if sql.contains("INSERT") {
            tx.execute_script("DELETE FROM people").await.unwrap();
        }
        for one in contract.differences() {
            let ddl = one.ddl().unwrap_or_else(|| panic!("nothing mends {one}"));
            tx.execute_script(&ddl).await.unwrap_or_else(|error| panic!("{ddl}\n{error:?}"));
        }
        let after = tx.verify::<Person>().await.unwrap();
        assert!(after.differences().is_empty(), "{sql}\n{contract}\nafter its DDL:\n{after}");
        // A label that was added cannot be used before the transaction ends.
        if !codes(&contract).contains(&"label-missing") {
            assert!(!loads_refused(&mut tx).await, "{sql}\n{contract}");
        }
        assert!(!copy_out_refused(tx).await, "{sql}\n{contract}");
    }
}

/// Two alterations at a time: what the contract says is what loads and reads then do.
#[pgrepo::test]
async fn the_verdict_is_that_of_loads_and_reads(test: TestDatabase) {
    database(&test).await;
    let cases = cases();
    let mut compared = 0;
    for (i, (first, _)) in cases.iter().enumerate() {
        for (second, _) in cases.iter().skip(i + 1).step_by(2) {
            let db = Db::from_url(&test.url()).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            // Some cannot both be done.
            let sql = format!("{first}; {second}");
            if tx.execute_script(&sql).await.is_ok() {
                let contract = tx.verify::<Person>().await.unwrap();
                let foretold = foretold(&contract);
                assert_eq!(refused(&mut tx).await, foretold, "{sql}\n{contract}");
                assert_eq!(copy_out_refused(tx).await, foretold.0, "{sql}\n{contract}");
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

/// Rows that are there stay, and identity goes on behind them.
#[pgrepo::test]
async fn the_ddl_keeps_the_rows(test: TestDatabase) {
    let db = database(&test).await;
    db.repository::<Person>().copy_in(rows()).await.unwrap();
    db.execute_script(
        "ALTER TABLE people ALTER id DROP IDENTITY, ALTER age TYPE text, ALTER nick TYPE varchar(10), \
         DROP CONSTRAINT people_email_key, ALTER rank TYPE float8; DROP INDEX people_profile_gin",
    )
    .await
    .unwrap_err();
    db.execute_script(
        "ALTER TABLE people ALTER id DROP IDENTITY, ALTER age TYPE text, ALTER nick TYPE varchar(10), \
         DROP CONSTRAINT people_email_key; DROP INDEX people_profile_gin",
    )
    .await
    .unwrap();
    let contract = db.verify::<Person>().await.unwrap();
    assert!(contract.clone().into_result().is_err());
    db.execute_script(&contract.ddl()).await.unwrap();
    assert!(db.verify::<Person>().await.unwrap().differences().is_empty());
    assert_eq!(db.repository::<Person>().all().fetch_all().await.unwrap().len(), 3);
    let mut more = rows();
    for row in &mut more {
        row.email.push('2');
    }
    assert_eq!(db.repository::<Person>().copy_in(more).await.unwrap().rows, 3);
}

#[pgrepo::test]
async fn differences_are_shown_like_a_compilers_messages(test: TestDatabase) {
    let db = database(&test).await;
    db.execute_script(
        "ALTER TABLE people DROP COLUMN note, ALTER age TYPE int8, ADD COLUMN more text; DROP INDEX people_profile_gin",
    )
    .await
    .unwrap();
    let contract = db.verify::<Person>().await.unwrap();
    let expected = r#"error[type]: the column "age" of people is int8, and the field stands for int4
  --> Person.age: Option<i32>
   = note: breaks reading and writing
   = help: ALTER TABLE "people" ALTER COLUMN "age" TYPE int4 USING "age"::int4;

error[column-missing]: the table people has no column "note"
  --> Person.note: Option<String>
   = note: breaks reading and writing
   = help: ALTER TABLE "people" ADD COLUMN "note" text;

warning[column-extra]: no field stands for the column "more" of people, which is text
  --> Person
   = note: breaks neither loads nor reads
   = note: the DDL drops a column with its values
   = help: ALTER TABLE "people" DROP COLUMN "more";

warning[index-missing]: the table people has no index "people_profile_gin"
  --> Person
   = note: breaks neither loads nor reads
   = help: CREATE INDEX "people_profile_gin" ON "people" USING gin ("profile" jsonb_path_ops);

`Person` does not fit the table people; errors: 2, warnings: 2"#;
    assert_eq!(contract.to_string(), expected);
    let expected = r#"ALTER TABLE "people" ALTER COLUMN "age" TYPE int4 USING "age"::int4;
ALTER TABLE "people" ADD COLUMN "note" text;
-- ALTER TABLE "people" DROP COLUMN "more";
CREATE INDEX "people_profile_gin" ON "people" USING gin ("profile" jsonb_path_ops);
"#;
    assert_eq!(contract.ddl(), expected);
    let error = contract.into_result().unwrap_err();
    assert_eq!((error.operation(), error.table()), (Some("verify"), Some("people")));
    assert_eq!(
        error.to_string(),
        "verify, table people: `Person` does not fit its table: the column \"age\" of people is int8, and the field stands \
         for int4 (breaks reading and writing); the table people has no column \"note\" (breaks reading and writing)"
    );
    db.execute_script("DROP TABLE people").await.unwrap();
    let contract = db.verify::<Person>().await.unwrap();
    assert_eq!(only(&contract).ddl().as_deref(), Some(create_table_sql::<Person>().trim_end()));
    assert!(contract.to_string().starts_with("error[table-missing]: there is no table people\n  --> Person\n"));
}
