//! What not every version of the server has.
//!
//! A test of a feature begins with the statement that came with it. A server before that version has to refuse it, and the
//! test is over: that is what there is to be seen there, and no skip.

use futures_util::TryStreamExt;
use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyFormat, Db, ErrorKind, PgTable};
use sqlx::postgres::types::PgRange;

/// Runs what came with a version; whether the server knows it.
async fn knows(test: &TestDatabase, db: &Db, since: u32, script: &str) -> bool {
    let ran = db.execute_script(script).await;
    let knows = test.server().major() >= since;
    if knows {
        ran.unwrap();
    } else {
        let error = ran.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().as_str(), "42601", "{error:?}");
    }
    knows
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "priced", new = "NewPriced", new_derive = "Clone")]
struct Priced {
    #[pg(primary_key)]
    id: i64,
    net: i64,
    #[pg(generated = "net * 2")]
    gross: i64,
}

fn priced(id: i64, net: i64) -> Priced {
    Priced { id, net, gross: net * 2 }
}

/// The same table, as if nothing were computed.
#[derive(Debug, PgTable)]
#[pg(table = "priced")]
#[allow(dead_code, reason = "described only")]
struct Plain {
    #[pg(primary_key)]
    id: i64,
    net: i64,
    gross: i64,
}

/// From 18 on.
const VIRTUAL: &str = "CREATE TABLE priced (id int8 PRIMARY KEY, net int8 NOT NULL, \
                       gross int8 NOT NULL GENERATED ALWAYS AS (net * 2) VIRTUAL)";

#[pgrepo::test]
async fn what_is_computed_when_it_is_read_is_read_and_never_written(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    if !knows(&test, &db, 18, VIRTUAL).await {
        return;
    }
    let contract = db.verify::<Priced>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
    let table = db.repository::<Priced>();
    let rows: Vec<_> = (0..100).map(|id| priced(id, id)).collect();
    assert_eq!(table.copy_in(&rows).await.unwrap().rows, 100);
    let mut copied: Vec<Priced> = table.copy_out().await.unwrap().try_collect().await.unwrap();
    copied.sort_by_key(|row| row.id);
    assert_eq!(copied, rows);
    let mut csv = Vec::new();
    let one = table.find(Priced::GROSS.eq(14));
    one.copy_out_raw(&CopyFormat::csv(), &mut csv).await.unwrap();
    assert_eq!(String::from_utf8(csv).unwrap(), "id,net,gross\n7,7,14\n");

    assert_eq!(table.insert(NewPriced { id: 100, net: 4 }).await.unwrap(), priced(100, 4));
    assert_eq!(table.upsert(NewPriced { id: 100, net: 5 }).await.unwrap().row, priced(100, 5));
    let merged = table.merge([priced(100, 5), priced(99, 1), priced(101, 2)]).execute().await.unwrap();
    assert_eq!((merged.inserted, merged.updated, merged.unchanged), (1, 1, 1));
    let (report, rejects) = table.load([priced(102, 1), priced(1, 1)]).collect().await.unwrap();
    assert_eq!((report.rows, rejects[0].index, rejects.len()), (1, 1, 1));
    assert_eq!(table.get(99).await.unwrap(), Some(priced(99, 1)));
    // 0 to 98, the 1 of 99, and those behind.
    assert_eq!(table.all().sum(Priced::NET).await.unwrap().unwrap().to_string(), "4860");
    assert_eq!(table.all().sum(Priced::GROSS).await.unwrap().unwrap().to_string(), "9720");
}

/// The server cannot make one a column like others.
#[pgrepo::test]
async fn a_column_that_is_computed_when_it_is_read_is_made_anew(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    if !knows(&test, &db, 18, VIRTUAL).await {
        return;
    }
    let table = db.table_info::<Priced>().await.unwrap();
    assert_eq!(table.columns.iter().map(|column| column.is_virtual).collect::<Vec<_>>(), [false, false, true]);
    assert!(table.to_string().contains("gross  bigint NOT NULL GENERATED AS ((net * 2)) VIRTUAL"), "{table}");
    let contract = db.verify::<Plain>().await.unwrap();
    let [only] = contract.differences() else { panic!("{contract}") };
    assert_eq!((only.kind.code(), only.loses_values()), ("filled-by", true));
    db.execute_script(&only.ddl().unwrap()).await.unwrap();
    let contract = db.verify::<Plain>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
}

#[derive(Debug, PgTable)]
#[pg(table = "rooms")]
struct Room {
    #[pg(primary_key)]
    room: i32,
    #[pg(primary_key, via_sqlx)]
    during: PgRange<i32>,
}

#[derive(Debug, PgTable)]
#[pg(table = "stays")]
struct Stay {
    #[pg(primary_key)]
    id: i64,
    room: i32,
    #[pg(via_sqlx)]
    during: PgRange<i32>,
}

fn room(room: i32, during: std::ops::Range<i32>) -> Room {
    Room { room, during: during.into() }
}

/// From 18 on: keys of periods. What a period has to be covered by may be several others, so that a key is not searched.
#[pgrepo::test]
async fn keys_without_overlaps_tell_good_rows_from_bad_ones_and_are_no_keys_to_merge_by(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script("CREATE EXTENSION btree_gist").await.unwrap();
    let tables = "CREATE TABLE rooms (room int4, during int4range, PRIMARY KEY (room, during WITHOUT OVERLAPS)); \
                  CREATE TABLE stays (id int8 PRIMARY KEY, room int4 NOT NULL, during int4range NOT NULL, \
                  FOREIGN KEY (room, PERIOD during) REFERENCES rooms (room, PERIOD during))";
    if !knows(&test, &db, 18, tables).await {
        return;
    }
    for contract in [db.verify::<Room>().await.unwrap(), db.verify::<Stay>().await.unwrap()] {
        assert!(contract.differences().is_empty(), "{contract}");
    }
    let rooms = db.repository::<Room>();
    let (report, rejects) =
        rooms.load([room(1, 0..10), room(1, 5..15), room(1, 10..20), room(2, 0..10)]).collect().await.unwrap();
    assert_eq!((report.rows, rejects.len(), rejects[0].index), (3, 1, 1));
    assert_eq!(rejects[0].sqlstate().unwrap().as_str(), "23P01");

    // The first is covered by two rooms, and so are many others.
    let stay = |id: i64, room, during: std::ops::Range<i32>| Stay { id, room, during: during.into() };
    let mut stays: Vec<_> = (0..200).map(|id| stay(id, 1, 5..15)).collect();
    (stays[50], stays[150]) = (stay(50, 1, 15..25), stay(150, 2, 10..11));
    let (report, rejects) = db.repository::<Stay>().load(stays).collect().await.unwrap();
    assert_eq!((report.rows, rejects.iter().map(|reject| reject.index).collect::<Vec<_>>()), (198, vec![50, 150]));
    assert!(rejects.iter().all(|reject| reject.sqlstate().unwrap().as_str() == "23503"), "{rejects:?}");

    let error = rooms.merge([room(1, 0..10)]).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    let error = rooms.upsert(room(1, 0..10)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "42P10", "{error:?}");
    assert_eq!(rooms.all().count().await.unwrap(), 3);
}

#[derive(Debug, PgTable)]
#[pg(table = "notes")]
#[allow(dead_code, reason = "described only")]
struct Note {
    #[pg(primary_key)]
    id: i64,
    note: String,
}

/// From 18 on.
#[pgrepo::test]
async fn a_not_null_that_was_not_validated_does_not_make_the_column_one_without_nulls(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script("CREATE TABLE notes (id int8 PRIMARY KEY, note text); INSERT INTO notes VALUES (1)")
        .await
        .unwrap();
    if !knows(&test, &db, 18, "ALTER TABLE notes ADD CONSTRAINT noted NOT NULL note NOT VALID").await {
        return;
    }
    assert!(db.table_info::<Note>().await.unwrap().columns[1].nullable);
    let contract = db.verify::<Note>().await.unwrap();
    let [only] = contract.differences() else { panic!("{contract}") };
    assert_eq!((only.kind.code(), only.column.as_deref()), ("nullable", Some("note")));
    db.execute_script("UPDATE notes SET note = 'n'").await.unwrap();
    db.execute_script(&contract.ddl()).await.unwrap();
    let contract = db.verify::<Note>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
}

/// From 15 on, and from 17 on with what became of each row. The library itself has no need of it.
#[pgrepo::test]
async fn a_merge_of_ones_own_is_a_statement_like_others(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    db.execute_script("CREATE TABLE t (id int8 PRIMARY KEY, n int8); INSERT INTO t VALUES (1, 1)").await.unwrap();
    let merge = "MERGE INTO t USING (VALUES (1::int8, 5::int8), (2, 6)) AS s (id, n) ON t.id = s.id \
                 WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.n)";
    let mut tx = db.begin().await.unwrap();
    match tx.query(merge).execute().await {
        Ok(changed) => assert_eq!((changed, test.server().major() >= 15), (2, true)),
        Err(error) => assert_eq!((error.sqlstate().unwrap().as_str(), test.server().major() < 15), ("42601", true)),
    }
    tx.rollback().await.unwrap();
    let returning = format!("{merge} RETURNING merge_action(), t.id, t.n");
    match db.query(&*returning).fetch_all::<(String, i64, i64)>().await {
        Ok(mut rows) => {
            rows.sort();
            assert!(test.server().major() >= 17);
            assert_eq!(rows, [("INSERT".to_owned(), 2, 6), ("UPDATE".to_owned(), 1, 5)]);
        }
        Err(error) => assert_eq!((error.sqlstate().unwrap().as_str(), test.server().major() < 17), ("42601", true)),
    }
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "codes", unique = "code")]
struct Code {
    #[pg(primary_key)]
    id: i64,
    code: Option<String>,
}

/// From 15 on.
#[pgrepo::test]
async fn a_unique_set_may_hold_one_null_only(test: TestDatabase) {
    let db = Db::from_url(&test.url()).await.unwrap();
    let table = "CREATE TABLE codes (id int8 PRIMARY KEY, code text, UNIQUE NULLS NOT DISTINCT (code))";
    if !knows(&test, &db, 15, table).await {
        return;
    }
    let contract = db.verify::<Code>().await.unwrap();
    assert!(contract.differences().is_empty(), "{contract}");
    let codes = db.repository::<Code>();
    let none = |id| Code { id, code: None };
    assert_eq!(codes.insert_many_new_on(Code::UNIQUE_CODE, [none(1), none(2)]).await.unwrap(), [true, false]);
    let (report, rejects) = codes.load([none(3)]).collect().await.unwrap();
    assert_eq!((report.rows, rejects[0].constraint()), (0, Some("codes_code_key")));
    let error = codes.upsert_on(Code::UNIQUE_CODE, none(4)).await.unwrap_err();
    assert!(error.to_string().contains("NULLS NOT DISTINCT"), "{error}");
}
