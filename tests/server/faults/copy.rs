//! What the table and its rows do to a COPY.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, ErrorKind, PgTable};

use crate::support::{Direct, LONG};

#[derive(Debug, Clone, PgTable)]
#[pg(table = "whole")]
struct Whole {
    id: i64,
    value: i64,
}

fn whole(n: i64) -> impl Iterator<Item = Whole> {
    (0..n).map(|id| Whole { id, value: id })
}

const WHOLE: &str = "CREATE TABLE whole (id int8, value int8)";

async fn set_up(db: &TestDatabase, sql: &str) -> (Db, Direct) {
    let mut direct = Direct::to(db).await;
    direct.run(sql).await;
    (Db::from_url(&db.url()).await.unwrap(), direct)
}

#[pgrepo::test]
async fn fault_35_a_field_of_another_type_than_its_column_is_refused_before_the_first_byte(db: TestDatabase) {
    for ty in ["int4", "float8", "timestamptz", "text"] {
        let (ours, mut direct) =
            set_up(&db, &format!("DROP TABLE IF EXISTS whole; CREATE TABLE whole (id int8, value {ty})")).await;
        let error = ours.repository::<Whole>().copy_in(whole(1000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
        let place = (error.operation(), error.table(), error.field(), error.column());
        assert_eq!(place, (Some("copy_in"), Some("whole"), Some("value"), Some("value")));
        let text = error.to_string();
        assert!(text.contains(&format!("the table's column is {ty}")) && text.contains("int8"), "{text}");
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM whole").await, 0);
        let error = ours.repository::<Whole>().copy_out().await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("value")), "{error:?}");
        ours.query("SELECT 1").fetch_one::<i32>().await.unwrap();
    }
}

const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'whole'::regclass)";
const ALTER: &str = "ALTER TABLE whole ALTER value TYPE float8";

fn is_refused(error: &pgrepo::Error) {
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("value")), "{error:?}");
}

#[pgrepo::test]
async fn fault_35_a_column_altered_between_two_loads_is_refused(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, WHOLE).await;
    let repository = ours.repository::<Whole>();
    assert_eq!(repository.copy_in(whole(10)).await.unwrap().rows, 10);
    direct.run(ALTER).await;
    is_refused(&repository.copy_in(whole(10)).await.unwrap_err());
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM whole").await, 10);
}

#[pgrepo::test]
async fn fault_35_a_column_altered_while_the_load_waits_for_the_lock_is_refused(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, WHOLE).await;
    let mut watcher = Direct::to(&db).await;
    ours.repository::<Whole>().copy_in(whole(10)).await.unwrap();
    direct.run(&format!("BEGIN; {ALTER}")).await;
    let load = tokio::spawn({
        let ours = ours.clone();
        async move { ours.repository::<Whole>().copy_in(whole(10)).await }
    });
    watcher.within(LONG, "the load waits", WAITS).await;
    direct.run("COMMIT").await;
    is_refused(&load.await.unwrap().unwrap_err());
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM whole").await, 10);
}

#[pgrepo::test]
async fn fault_35_a_transaction_s_older_view_of_the_columns_is_not_believed(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, WHOLE).await;
    let mut tx = ours.begin().await.unwrap();
    tx.execute_script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    direct.run(ALTER).await;
    let loaded = tx.repository::<Whole>().copy_in(whole(10)).await;
    is_refused(&loaded.unwrap_err());
    let read = tx.repository::<Whole>().copy_out().await.map(drop);
    is_refused(&read.unwrap_err());
    tx.commit().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM whole").await, 0);
}

#[pgrepo::test]
async fn fault_29_a_result_whose_types_changed_is_a_mismatch_and_never_a_wrong_value(db: TestDatabase) {
    for ty in ["float8", "int4"] {
        let (ours, mut direct) =
            set_up(&db, &format!("DROP TABLE IF EXISTS whole; {WHOLE}; INSERT INTO whole VALUES (1, 2), (2, 2)")).await;
        // Read to the end, so that the connection lives on and has the statement prepared.
        let repository = ours.repository::<Whole>();
        assert_eq!(repository.all().fetch_all().await.unwrap().len(), 2);
        direct.run(&format!("ALTER TABLE whole ALTER value TYPE {ty}")).await;
        let mut rows = repository.all().stream().await.unwrap();
        is_refused(&rows.next().await.map(drop).unwrap_err());
        assert!(rows.next().await.unwrap().is_none(), "no row is read by what the columns were");
        drop(rows);
        let error = repository.all().fetch_all().await.unwrap_err();
        is_refused(&error);
        assert_eq!(error.table(), Some("whole"));
        assert!(error.to_string().contains(ty), "{error}");
    }
}

#[pgrepo::test]
async fn fault_29_an_added_column_disturbs_nobody(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, &format!("{WHOLE}; INSERT INTO whole VALUES (1, 2)")).await;
    let all = || ours.query("SELECT * FROM whole");
    assert_eq!(all().fetch_one::<(i64, i64)>().await.unwrap(), (1, 2));
    assert_eq!(all().fetch_one::<Whole>().await.unwrap().value, 2);
    direct.run("ALTER TABLE whole ADD extra text DEFAULT 'x'").await;
    // Prepared before and stale now: the stream first, which is to renew it by itself.
    let mut rows = all().stream::<Whole>().await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().value, 2);
    assert!(rows.next().await.unwrap().is_none());
    direct.run("ALTER TABLE whole ADD more text DEFAULT 'x'").await;
    assert_eq!(all().fetch_one::<Whole>().await.unwrap().value, 2);
}

#[pgrepo::test(flavor = "multi_thread")]
async fn fault_29_columns_added_under_load_are_not_noticed_by_readers(db: TestDatabase) {
    const COLUMNS: usize = 30;
    let (ours, mut direct) = set_up(&db, &format!("{WHOLE}; INSERT INTO whole VALUES (1, 2)")).await;
    let (over, reads) = (Arc::new(AtomicBool::new(false)), Arc::new([const { AtomicUsize::new(0) }; 6]));
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..6 {
        let (ours, over, reads) = (ours.clone(), Arc::clone(&over), Arc::clone(&reads));
        readers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let row = match reader % 3 {
                    0 => ours.query("SELECT * FROM whole").fetch_one::<Whole>().await,
                    1 => ours.repository::<Whole>().find(Whole::ID.eq(1)).fetch_one().await,
                    _ => {
                        let mut rows = ours.query("SELECT * FROM whole").stream::<Whole>().await.unwrap();
                        rows.next().await.map(Option::unwrap)
                    }
                };
                assert_eq!(row.unwrap().value, 2);
                reads[reader].fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for column in 0..COLUMNS {
        let before: Vec<_> = reads.iter().map(|reads| reads.load(Ordering::Relaxed)).collect();
        direct.run(&format!("ALTER TABLE whole ADD extra{column} int4 DEFAULT 7")).await;
        let all_read = async {
            while reads.iter().zip(&before).any(|(reads, before)| reads.load(Ordering::Relaxed) <= *before) {
                // A reader that failed is told of.
                if let Some(ended) = readers.try_join_next() {
                    ended.unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, all_read).await.expect("each reads on");
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "strict")]
struct Strict {
    id: i32,
    name: Option<String>,
    short: String,
    parent: Option<i32>,
}

const STRICT: &str = "CREATE TABLE strict (id int4 CONSTRAINT once PRIMARY KEY, name text NOT NULL, short varchar(3), \
    parent int4, CONSTRAINT small CHECK (id < 1000)); \
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN IF NEW.name = 'bad' THEN RAISE EXCEPTION 'no bad names' USING ERRCODE = 'P0001'; END IF; RETURN NEW; END $$; \
    CREATE TRIGGER guard BEFORE INSERT ON strict FOR EACH ROW EXECUTE FUNCTION guard(); \
    CREATE TABLE parents (id int4 PRIMARY KEY); \
    ALTER TABLE strict ADD CONSTRAINT child FOREIGN KEY (parent) REFERENCES parents";

/// What is wrong, how a row comes to be so, the SQLSTATE, the constraint, the column, and whether a row is named.
type Case = (&'static str, fn(&mut Strict), &'static str, Option<&'static str>, Option<&'static str>, bool);

#[pgrepo::test]
async fn fault_39_a_failing_row_is_named_with_its_constraint_and_nothing_is_stored(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, STRICT).await;
    let good: Vec<_> =
        (0..900).map(|id| Strict { id, name: Some("a".into()), short: "abc".into(), parent: None }).collect();
    let cases: [Case; 6] = [
        ("unique", |r| r.id = 3, "23505", Some("once"), None, true),
        ("check", |r| r.id = 5000, "23514", Some("small"), None, true),
        ("not null", |r| r.name = None, "23502", None, Some("name"), true),
        ("length", |r| r.short = "abcd".into(), "22001", None, Some("short"), true),
        ("trigger", |r| r.name = Some("bad".into()), "P0001", None, None, true),
        ("foreign key", |r| r.parent = Some(7), "23503", Some("child"), None, false),
    ];
    for (what, spoil, state, constraint, column, row) in cases {
        let mut rows = good.clone();
        spoil(&mut rows[700]);
        for in_transaction in [false, true] {
            let mut tx = ours.begin().await.unwrap();
            let copied = if in_transaction {
                tx.repository::<Strict>().copy_in(&rows).await
            } else {
                ours.repository::<Strict>().copy_in(&rows).await
            };
            let error = copied.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Copy, "{what}: {error:?}");
            assert_eq!(error.sqlstate().unwrap().as_str(), state, "{what}: {error:?}");
            assert_eq!(error.constraint(), constraint, "{what}: {error:?}");
            assert_eq!(error.table(), Some("strict"), "{what}");
            if row {
                assert_eq!(error.row(), Some(700), "{what}: {error:?}");
            } else {
                assert_eq!(error.row(), None, "{what}: {error:?}");
            }
            if column.is_some() {
                assert_eq!(error.column(), column, "{what}: {error:?}");
            }
            // The transaction goes on.
            tx.query("SELECT 1").fetch_one::<i32>().await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(direct.one::<i64>("SELECT count(*) FROM strict").await, 0, "{what}");
        }
    }
    direct.run("ALTER TABLE strict ALTER CONSTRAINT child DEFERRABLE INITIALLY DEFERRED").await;
    let mut rows = good.clone();
    rows[700].parent = Some(7);
    let error = ours.repository::<Strict>().copy_in(&rows).await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.constraint()), (ErrorKind::Copy, None, Some("child")), "{error:?}");
    assert_eq!(error.table(), Some("strict"));
    let mut tx = ours.begin().await.unwrap();
    assert_eq!(tx.repository::<Strict>().copy_in(&rows).await.unwrap().rows, 900);
    let error = tx.commit().await.unwrap_err();
    assert_eq!((error.kind(), error.constraint()), (ErrorKind::Transaction, Some("child")), "{error:?}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM strict").await, 0);
    assert_eq!(ours.repository::<Strict>().copy_in(&good).await.unwrap().rows, 900);
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "shape")]
struct Shape {
    #[pg(identity)]
    id: i64,
    a: i32,
    b: String,
    #[pg(generated)]
    doubled: i32,
}

fn shapes() -> impl Iterator<Item = Shape> {
    (0..10).map(|a| Shape { id: 100, a, b: format!("b{a}"), doubled: 0 })
}

#[pgrepo::test]
async fn fault_40_columns_are_found_by_name_and_what_does_not_fit_says_why(db: TestDatabase) {
    const IDENTITY: &str = "id int8 GENERATED ALWAYS AS IDENTITY";
    const GENERATED: &str = "doubled int4 GENERATED ALWAYS AS (a * 2) STORED";
    for columns in [
        format!("{IDENTITY}, a int4, b text, {GENERATED}"),
        // Reordered, and with columns that the struct does not know.
        format!("x text DEFAULT 'x', {GENERATED}, b text, y int4, a int4, {IDENTITY}"),
    ] {
        let (ours, mut direct) =
            set_up(&db, &format!("DROP TABLE IF EXISTS shape; CREATE TABLE shape ({columns})")).await;
        assert_eq!(ours.repository::<Shape>().copy_in(shapes()).await.unwrap().rows, 10);
        let right = "SELECT count(*) FROM shape WHERE id = a + 1 AND b = 'b' || a AND doubled = 2 * a";
        assert_eq!(direct.one::<i64>(right).await, 10);
        let mut read = ours.repository::<Shape>().copy_out().await.unwrap();
        assert_eq!(read.next().await.unwrap().unwrap(), Shape { id: 1, a: 0, b: "b0".into(), doubled: 0 });
        drop(read);
        let options = CopyInOptions::default().keep_identity();
        assert_eq!(ours.repository::<Shape>().copy_in_with(shapes(), options).await.unwrap().rows, 10);
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM shape WHERE id = 100").await, 10);
    }
    for (columns, column, why) in [
        (format!("{IDENTITY}, a int4, {GENERATED}"), "b", "no such column; it has id, a, doubled"),
        (
            format!("{IDENTITY}, a int4, b text GENERATED ALWAYS AS ('b') STORED, {GENERATED}"),
            "b",
            "computes this column",
        ),
    ] {
        let (ours, mut direct) =
            set_up(&db, &format!("DROP TABLE IF EXISTS shape; CREATE TABLE shape ({columns})")).await;
        let error = ours.repository::<Shape>().copy_in(shapes()).await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some(column)), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM shape").await, 0);
    }
    // A required column that the struct does not know: the server's to say.
    let (ours, _) = set_up(
        &db,
        &format!("DROP TABLE shape; CREATE TABLE shape ({IDENTITY}, a int4, b text, {GENERATED}, more text NOT NULL)"),
    )
    .await;
    let error = ours.repository::<Shape>().copy_in(shapes()).await.unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("more"), Some(0)), "{error:?}");
}
