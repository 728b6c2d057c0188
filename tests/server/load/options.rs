//! What a load does with the table and with its rows: TRUNCATE, FREEZE, WHERE.

use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, ErrorKind, Filter, Json, PgEnum, PgJson, PgTable};
use serde::{Deserialize, Serialize};

use super::{LINE, Line, NewLine, line, lines};
use crate::support::{Direct, pool};

async fn set_up(db: &TestDatabase, more: &str) -> (Db, Direct) {
    let mut direct = Direct::to(db).await;
    direct.run(&format!("{LINE}; {more}")).await;
    (pool(&db.url(), "options", 2).await, direct)
}

const IDS: &str = "SELECT array_agg(id ORDER BY id) FROM line";

#[pgrepo::test]
async fn truncate_replaces_the_rows_and_the_numbers_go_on_or_begin_anew(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "").await;
    let rows = ours.repository::<Line>();
    rows.copy_in(lines(3)).await.unwrap();
    let report = rows.copy_in_with(lines(2), CopyInOptions::default().truncate()).await.unwrap();
    assert_eq!((report.rows, report.skipped), (2, 0));
    assert_eq!(direct.one::<Vec<i64>>(IDS).await, [4, 5]);
    rows.copy_in_with(lines(2), CopyInOptions::default().restart_identity()).await.unwrap();
    assert_eq!(direct.one::<Vec<i64>>(IDS).await, [1, 2]);
    rows.copy_in_with(Vec::<Line>::new(), CopyInOptions::default().truncate()).await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 0);
}

#[pgrepo::test]
async fn what_a_failed_load_was_to_replace_is_still_there(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "ALTER TABLE line ADD CHECK (part < 1000)").await;
    ours.repository::<Line>().copy_in(lines(3)).await.unwrap();
    for bad in [line(1000), Line { text: Some("a\0b".to_owned()), ..line(1) }] {
        let rows = lines(10).chain([bad]);
        let options = CopyInOptions::default().restart_identity().freeze();
        let error = ours.repository::<Line>().copy_in_with(rows, options).await.unwrap_err();
        assert_eq!(error.row(), Some(10), "{error:?}");
        assert_eq!(direct.one::<Vec<i64>>(IDS).await, [1, 2, 3]);
    }
    // In a transaction the load's savepoint undoes it.
    let mut tx = ours.begin().await.unwrap();
    let options = CopyInOptions::default().truncate();
    tx.repository::<Line>().copy_in_with([line(1000)], options.clone()).await.unwrap_err();
    assert_eq!(tx.repository::<Line>().all().count().await.unwrap(), 3);
    tx.repository::<Line>().copy_in_with([line(5)], options).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(direct.one::<Vec<i64>>(IDS).await, [1, 2, 3]);
}

#[pgrepo::test]
async fn a_table_that_a_foreign_key_refers_to_is_not_truncated(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "CREATE TABLE child (line int8 REFERENCES line)").await;
    ours.repository::<Line>().copy_in(lines(3)).await.unwrap();
    let error =
        ours.repository::<Line>().copy_in_with(lines(2), CopyInOptions::default().truncate()).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "0A000"), "{error:?}");
    assert_eq!(error.table(), Some("line"));
    assert!(error.to_string().contains("another one's foreign key refers to it: delete its rows"), "{error}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 3);
}

/// A frozen row is seen by those too whose snapshot is older than it.
#[pgrepo::test]
async fn rows_that_are_loaded_frozen_are_frozen(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "").await;
    for (options, seen) in [(CopyInOptions::default().truncate(), 0), (CopyInOptions::default().truncate().freeze(), 5)]
    {
        direct.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
        ours.repository::<Line>().copy_in_with(lines(5), options).await.unwrap();
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, seen);
        direct.run("COMMIT").await;
    }
}

#[pgrepo::test]
async fn freeze_takes_a_table_that_the_load_itself_has_truncated(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "").await;
    let freeze = CopyInOptions::default().freeze();
    let not_here = |error: pgrepo::Error| {
        assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "55000"), "{error:?}");
        assert_eq!((error.operation(), error.table()), (Some("copy_in"), Some("line")));
        assert!(error.to_string().contains("add CopyInOptions::truncate"), "{error}");
    };
    not_here(ours.repository::<Line>().copy_in_with(lines(5), freeze.clone()).await.unwrap_err());
    // A table of the transaction is not one of the load's savepoint.
    let mut tx = ours.begin().await.unwrap();
    tx.execute_script(&format!("DROP TABLE line; {LINE}")).await.unwrap();
    not_here(tx.repository::<Line>().copy_in_with(lines(5), freeze.clone()).await.unwrap_err());
    tx.repository::<Line>().copy_in_with(lines(5), freeze.clone().truncate()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 5);

    let mut tx = ours.begin().await.unwrap();
    tx.execute_script("DECLARE held CURSOR FOR SELECT 1").await.unwrap();
    let error = tx.repository::<Line>().copy_in_with(lines(5), freeze.truncate()).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "25000", "{error:?}");
    assert!(error.to_string().contains("no cursor of the transaction is open"), "{error}");
    tx.rollback().await.unwrap();
}

#[pgrepo::test]
async fn rows_that_the_filter_does_not_hold_for_are_skipped_and_counted(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "").await;
    let rows = ours.repository::<Line>();
    let even = CopyInOptions::default().filter(Line::PART.in_(vec![0, 2, 4, 6, 8]));
    let report = rows.copy_in_with(lines(10), even.clone()).await.unwrap();
    assert_eq!((report.rows, report.skipped), (5, 5));
    assert_eq!(direct.one::<Vec<i32>>("SELECT array_agg(part ORDER BY part) FROM line").await, [0, 2, 4, 6, 8]);
    // In a transaction, and what is announced is what is sent.
    let mut tx = ours.begin().await.unwrap();
    let report = tx.repository::<Line>().copy_in_with(lines(10), even.expected_rows(10).truncate()).await.unwrap();
    assert_eq!((report.rows, report.skipped), (5, 5));
    tx.commit().await.unwrap();
    // A column that is not sent has its default.
    let seven = CopyInOptions::default().truncate().filter(Line::PART.eq(7));
    let new = |part| NewLine { part, text: None };
    let report = rows.copy_in_with([new(pgrepo::Set::Server), new(pgrepo::Set::Server)], seven.clone()).await.unwrap();
    assert_eq!((report.rows, report.skipped), (2, 0));
    let report = rows.copy_in_with([line(6), line(7)], seven).await.unwrap();
    assert_eq!((report.rows, report.skipped), (1, 1));
    let all = CopyInOptions::default().filter(Filter::<Line>::all());
    assert_eq!(all, CopyInOptions::default());
    // One row that is left out is one too many where nobody said that it may be.
    direct.run("CREATE RULE nothing AS ON INSERT TO line DO INSTEAD NOTHING").await;
    assert_eq!(rows.copy_in(lines(1)).await.unwrap().rows, 1, "COPY runs no rules");
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "it's a mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Doc {
    says: String,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "it's $1")]
struct Odd {
    #[pg(column = "a'$1\"b")]
    text: Option<String>,
    at: chrono::DateTime<chrono::Utc>,
    score: f64,
    bytes: Vec<u8>,
    tags: Vec<String>,
    doc: Json<Doc>,
    mood: Mood,
    id: uuid::Uuid,
}

fn odd() -> Odd {
    Odd {
        text: Some(r#"O'Re\illy "$1" $2; -- /* ünï"#.to_owned()),
        at: "2024-02-29T23:59:59.123456Z".parse().unwrap(),
        score: 0.1 + 0.2,
        bytes: vec![0, 39, 92, 255],
        tags: vec!["a,b".to_owned(), "{}".to_owned(), "\\".to_owned(), "'".to_owned()],
        doc: Json(Doc { says: r#"it's "\$1"#.to_owned() }),
        mood: Mood::Happy,
        id: uuid::Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
    }
}

/// Every value reaches the condition as it is: a row equal to it in all columns is stored, and one that differs in any is
/// not.
#[pgrepo::test]
async fn a_filter_s_values_reach_the_server_as_they_are(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct
        .run(
            "CREATE TYPE \"it's a mood\" AS ENUM ('sad', 'happy'); \
             CREATE TABLE \"it's $1\" (\"a'$1\"\"b\" text, at timestamptz, score float8, bytes bytea, tags text[], \
             doc jsonb, mood \"it's a mood\", id uuid)",
        )
        .await;
    let ours = pool(&db.url(), "options", 1).await;
    let same = || {
        let row = odd();
        [
            ("text", Odd::TEXT.eq(row.text.unwrap())),
            ("at", Odd::AT.eq(row.at)),
            ("score", Odd::SCORE.eq(row.score)),
            ("bytes", Odd::BYTES.eq(row.bytes)),
            ("tags", Odd::TAGS.eq(row.tags)),
            ("doc", Odd::DOC.at(Doc::SAYS).eq(row.doc.0.says)),
            ("mood", Odd::MOOD.in_(vec![row.mood])),
            ("id", Odd::ID.eq(row.id)),
        ]
    };
    let others = [
        Odd { text: Some("x".to_owned()), ..odd() },
        Odd { at: odd().at + chrono::Duration::microseconds(1), ..odd() },
        Odd { score: 0.3, ..odd() },
        Odd { bytes: vec![0, 39, 92], ..odd() },
        Odd { tags: Vec::new(), ..odd() },
        Odd { doc: Json(Doc { says: "its".to_owned() }), ..odd() },
        Odd { mood: Mood::Sad, ..odd() },
        Odd { id: uuid::Uuid::nil(), ..odd() },
    ];
    let settings = [
        "SELECT 1",
        "SET LOCAL DateStyle = 'German'; SET LOCAL TimeZone = 'Asia/Kolkata'; SET LOCAL bytea_output = escape; \
         SET LOCAL standard_conforming_strings = off",
    ];
    for settings in settings {
        let mut tx = ours.begin().await.unwrap();
        tx.execute_script(settings).await.unwrap();
        for ((column, filter), other) in same().into_iter().zip(&others) {
            let options = CopyInOptions::default().truncate().filter(filter);
            let rows = [other.clone(), odd()];
            let report = tx.repository::<Odd>().copy_in_with(rows, options).await.unwrap();
            assert_eq!((report.rows, report.skipped), (1, 1), "{column}, {settings}");
            assert_eq!(tx.repository::<Odd>().all().fetch_all().await.unwrap(), [odd()]);
        }
        let all = same().into_iter().fold(Filter::all(), |all, (_, filter)| all.and(filter));
        let options = CopyInOptions::default().truncate().filter(all);
        let rows = others.iter().cloned().chain([odd(), Odd { text: None, ..odd() }]);
        let report = tx.repository::<Odd>().copy_in_with(rows, options).await.unwrap();
        assert_eq!((report.rows, report.skipped), (1, 9));
        tx.commit().await.unwrap();
    }
}

#[pgrepo::test]
async fn a_filter_that_does_not_fit_is_refused_before_the_first_byte(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, "").await;
    let rows = ours.repository::<Line>();
    let other = CopyInOptions::default().filter(Odd::SCORE.gt(1.0));
    let error = rows.copy_in_with(lines(1), other).await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Mismatch, Some("line")), "{error:?}");
    assert!(error.to_string().contains("the load's filter is on another table"), "{error}");
    // A column that the load does not send, and the table does not have.
    let part = || CopyInOptions::default().only(["text"]).filter(Line::PART.gt(1));
    rows.copy_in_with(lines(1), part()).await.unwrap();
    direct.run("ALTER TABLE line DROP part").await;
    let error = rows.copy_in_with(lines(1), part()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    // One that has become of another type since.
    direct.run("ALTER TABLE line ADD part text").await;
    let error = rows.copy_in_with(lines(1), part()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    direct.run("ALTER TABLE line DROP part; ALTER TABLE line ADD part int4 DEFAULT 2").await;
    assert_eq!(rows.copy_in_with(lines(1), part()).await.unwrap().skipped, 0);
    ours.query("SELECT 1").fetch_one::<i32>().await.unwrap();
}
