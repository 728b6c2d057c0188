//! What a load goes into, and what refuses it before the first byte.

use pgrepo::testkit::{Server, ServerOptions, StopMode, TestDatabase, skip};
use pgrepo::{CopyInOptions, Db, DbConfig, Error, ErrorKind, Replication, Set, TxOptions};

use super::{LINE, Line, NewLine, Taken, line, lines};
use crate::support::{Direct, as_role, pool};

/// `line` without an identity, for targets that have none.
const PLAIN: &str = "(id int8 DEFAULT 1, part int4 DEFAULT 7, text text)";

async fn set_up(db: &TestDatabase, sql: &str) -> (Db, Direct) {
    let mut direct = Direct::to(db).await;
    direct.run(sql).await;
    (pool(&db.url(), "targets", 2).await, direct)
}

/// Loads rows that are refused when the first is there: nothing is sent, and the pool is as good as before.
async fn refused(db: &Db) -> Error {
    let taken = Taken::default();
    let error = db.repository::<Line>().copy_in(taken.of(lines(10_000), 1)).await.unwrap_err();
    assert_eq!(taken.count(), 1, "{error:?}");
    assert_eq!((error.operation(), error.table(), error.row()), (Some("copy_in"), Some("line"), None), "{error:?}");
    db.query("SELECT 1").fetch_one::<i32>().await.unwrap();
    // In a transaction it is a part that fails.
    let mut tx = db.begin().await.unwrap();
    let again = tx.repository::<Line>().copy_in(lines(10)).await.unwrap_err();
    assert_eq!((again.kind(), again.to_string()), (error.kind(), error.to_string()));
    assert_eq!(tx.query("SELECT 1").fetch_one::<i32>().await.unwrap(), 1);
    tx.rollback().await.unwrap();
    error
}

fn says(error: &Error, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[pgrepo::test]
async fn rows_go_to_their_partitions_and_one_without_any_is_named(db: TestDatabase) {
    let (ours, mut direct) = set_up(
        &db,
        &format!(
            "CREATE TABLE line {PLAIN} PARTITION BY RANGE (part); \
             CREATE TABLE low PARTITION OF line FOR VALUES FROM (0) TO (5); \
             CREATE TABLE high PARTITION OF line FOR VALUES FROM (5) TO (10)"
        ),
    )
    .await;
    let rows = ours.repository::<Line>();
    rows.copy_in(lines(10)).await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM ONLY high").await, 5);
    let error = rows.copy_in(lines(20)).await.unwrap_err();
    assert_eq!((error.sqlstate().unwrap().as_str(), error.row()), ("23514", Some(10)), "{error:?}");
    rows.copy_in_with(lines(3), CopyInOptions::default().truncate().filter(Line::PART.gt(0))).await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 2);
    let error = rows.copy_in_with(lines(3), CopyInOptions::default().truncate().freeze()).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "0A000"), "{error:?}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 2);
}

#[pgrepo::test]
async fn unlogged_and_temporary_tables(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, &LINE.replace("TABLE", "UNLOGGED TABLE")).await;
    ours.repository::<Line>().copy_in(lines(10)).await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 10);
    let mut tx = ours.begin().await.unwrap();
    tx.execute_script("CREATE TEMPORARY TABLE line (LIKE line INCLUDING ALL) ON COMMIT DROP").await.unwrap();
    tx.repository::<Line>().copy_in(lines(3)).await.unwrap();
    tx.repository::<Line>().copy_in_with(lines(4), CopyInOptions::default().truncate().freeze()).await.unwrap();
    assert_eq!(tx.repository::<Line>().all().count().await.unwrap(), 4, "the temporary one comes first");
    tx.commit().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 10);
    // It may be written where nothing else may.
    let mut tx = ours.begin().await.unwrap();
    tx.execute_script(
        "CREATE TEMPORARY TABLE line (LIKE line INCLUDING ALL) ON COMMIT DROP; SET TRANSACTION READ ONLY",
    )
    .await
    .unwrap();
    assert_eq!(tx.repository::<Line>().copy_in(lines(3)).await.unwrap().rows, 3);
    tx.rollback().await.unwrap();
}

async fn has(direct: &mut Direct, extension: &str, test: &str) -> bool {
    let there = format!("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = '{extension}')");
    let there = direct.one::<bool>(&there).await;
    if !there {
        skip(test, extension, "apt-get install postgresql-contrib");
    }
    there
}

#[pgrepo::test]
async fn a_foreign_table_of_another_server(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    if !has(&mut direct, "postgres_fdw", "a_foreign_table_of_another_server").await {
        return;
    }
    let at = DbConfig::from_url(&db.url()).unwrap();
    let sql = format!(
        "CREATE TABLE base (id int8, part int4 CHECK (part <> 50), text text); CREATE EXTENSION postgres_fdw; \
         CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER loop OPTIONS (user '{}'); \
         CREATE FOREIGN TABLE line {PLAIN} SERVER loop OPTIONS (table_name 'base')",
        at.host,
        at.port,
        db.name(),
        at.user
    );
    let (ours, mut direct) = set_up(&db, &sql).await;
    let rows = ours.repository::<Line>();
    rows.copy_in(lines(10)).await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM base").await, 10);
    // Of two servers none names the row with certainty: what was refused is, and nothing is stored.
    let error = rows.copy_in(lines(100)).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "23514"), "{error:?}");
    let mut tx = ours.begin().await.unwrap();
    tx.repository::<Line>().copy_in(lines(10)).await.unwrap();
    let replaced = tx.repository::<Line>().copy_in_with(lines(5), CopyInOptions::default().truncate()).await;
    if db.server().major() >= 14 {
        replaced.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(direct.one::<i64>("SELECT count(*) FROM base").await, 5);
    } else {
        says(&replaced.unwrap_err(), ErrorKind::Copy, "a foreign table can be emptied from PostgreSQL 14 on only");
        tx.rollback().await.unwrap();
    }
    // A column that is of another type here.
    direct.run("ALTER FOREIGN TABLE line ALTER part TYPE text").await;
    let error = rows.copy_in(lines(10)).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("part")), "{error:?}");
}

#[pgrepo::test]
async fn a_foreign_table_that_is_only_read(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    if !has(&mut direct, "file_fdw", "a_foreign_table_that_is_only_read").await {
        return;
    }
    let sql = format!(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
         CREATE FOREIGN TABLE line {PLAIN} SERVER files OPTIONS (filename '/dev/null')"
    );
    let (ours, _direct) = set_up(&db, &sql).await;
    let error = refused(&ours).await;
    says(&error, ErrorKind::Copy, "its wrapper only reads");
    assert_eq!(error.sqlstate().unwrap().as_str(), "0A000");
}

#[pgrepo::test]
async fn what_is_no_table_says_what_it_is(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, &format!("CREATE TABLE base {PLAIN}")).await;
    for (make, kind, words) in [
        ("VIEW line AS SELECT * FROM base", "VIEW", "a view takes no COPY, unless it has an INSTEAD OF INSERT trigger"),
        ("MATERIALIZED VIEW line AS SELECT * FROM base", "MATERIALIZED VIEW", "then REFRESH MATERIALIZED VIEW"),
        ("SEQUENCE line", "SEQUENCE", "a sequence takes no rows"),
        ("INDEX line ON base (id)", "INDEX", "an index takes no rows"),
        ("TYPE line AS (id int8, part int4, text text)", "TYPE", "a composite type takes no rows"),
    ] {
        direct.run(&format!("CREATE {make}")).await;
        let error = refused(&ours).await;
        direct.run(&format!("DROP {kind} public.line")).await;
        says(&error, ErrorKind::Mismatch, words);
    }
    let error = refused(&ours).await;
    says(&error, ErrorKind::Mismatch, "the server finds no such table");
    assert_eq!(error.sqlstate().unwrap().as_str(), "42P01");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM base").await, 0);
}

#[pgrepo::test]
async fn a_view_whose_trigger_writes_takes_rows(db: TestDatabase) {
    let sql = format!(
        "CREATE TABLE base {PLAIN}; CREATE VIEW line AS SELECT * FROM base; \
         ALTER VIEW line ALTER id SET DEFAULT 1; CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO base VALUES (NEW.id, NEW.part, NEW.text); RETURN NEW; END $$; \
         CREATE TRIGGER put INSTEAD OF INSERT ON line FOR EACH ROW EXECUTE FUNCTION put()"
    );
    let (ours, mut direct) = set_up(&db, &sql).await;
    let options = CopyInOptions::default().only(["part", "text"]);
    assert_eq!(ours.repository::<Line>().copy_in_with(lines(10), options).await.unwrap().rows, 10);
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM base").await, 10);
}

#[pgrepo::test]
async fn where_nothing_may_be_written(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, LINE).await;
    let mut tx = ours.begin_with(TxOptions::default().read_only()).await.unwrap();
    let error = tx.repository::<Line>().copy_in(lines(10)).await.unwrap_err();
    says(&error, ErrorKind::Transaction, "the transaction is read only, or the server is a standby");
    assert_eq!((error.table(), error.sqlstate().unwrap().as_str()), (Some("line"), "25006"));
    assert_eq!(tx.repository::<Line>().all().count().await.unwrap(), 0);
    tx.commit().await.unwrap();
    let more = "GRANT ALL ON line TO ROLE; ALTER USER ROLE SET default_transaction_read_only = on";
    let reads = as_role(&db, &mut direct, more).await;
    let error = refused(&reads).await;
    says(&error, ErrorKind::Transaction, "load on the primary");
}

/// A server that replays and takes no writes, as a standby does between two pieces of its primary's log.
#[tokio::test]
async fn a_standby_refuses_every_load_before_its_first_byte() {
    let server = Server::start(ServerOptions::private()).await.unwrap();
    let url = server.url("postgres");
    Db::connect(DbConfig::from_url(&url).unwrap()).await.unwrap().execute_script(LINE).await.unwrap();
    server.stop(StopMode::Fast).await.unwrap();
    std::fs::write(server.data_dir().unwrap().join("standby.signal"), "").unwrap();
    server.start_again().await.unwrap();
    let ours = pool(&url, "targets", 2).await;
    assert!(ours.query("SELECT pg_is_in_recovery()").fetch_one::<bool>().await.unwrap());
    says(&refused(&ours).await, ErrorKind::Transaction, "load on the primary");
    let rows = ours.repository::<Line>();
    let taken = Taken::default();
    let tolerant = rows.load(taken.of(lines(10_000), 1)).collect().await.unwrap_err();
    let many = rows.insert_many(lines(10_000)).await.unwrap_err();
    let merge = rows.merge(taken.of(lines(10_000), 1)).execute().await.unwrap_err();
    assert_eq!(taken.count(), 2, "one row of each was asked for");
    let delete = rows.delete_many(0..10_000_i64).execute().await.unwrap_err();
    for error in [tolerant, many, merge, delete] {
        says(&error, ErrorKind::Transaction, "load on the primary");
        assert_eq!((error.table(), error.sqlstate().unwrap().as_str()), (Some("line"), "25006"), "{error:?}");
    }
    assert_eq!(rows.all().count().await.unwrap(), 0);
    let stats = ours.database_stats().await.unwrap();
    let Replication::Standby { unreplayed_bytes: None, .. } = stats.replication else { panic!("{stats:?}") };
    assert!(stats.to_string().contains("standby"), "{stats}");
    server.shutdown().await.unwrap();
}

#[pgrepo::test]
async fn without_a_privilege(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db, LINE).await;
    let other = as_role(&db, &mut direct, "GRANT SELECT ON line TO ROLE").await;
    let error = refused(&other).await;
    says(&error, ErrorKind::Copy, "a load takes INSERT on the table");
    assert_eq!(error.sqlstate().unwrap().as_str(), "42501");
    let role = format!("role_{}", db.name());
    direct.run(&format!("REVOKE ALL ON line FROM \"{role}\"; GRANT INSERT ON line TO \"{role}\"")).await;
    other.repository::<Line>().copy_in(lines(1)).await.unwrap();
    let some = CopyInOptions::default().filter(Line::PART.gt(4));
    let error = other.repository::<Line>().copy_in_with(lines(10), some.clone()).await.unwrap_err();
    says(&error, ErrorKind::Copy, "a filter takes SELECT on the columns that it names");
    direct.run(&format!("GRANT SELECT (part) ON line TO \"{role}\"")).await;
    assert_eq!(other.repository::<Line>().copy_in_with(lines(10), some).await.unwrap().rows, 5);
    let error =
        other.repository::<Line>().copy_in_with(lines(10), CopyInOptions::default().truncate()).await.unwrap_err();
    says(&error, ErrorKind::Copy, "with CopyInOptions::truncate TRUNCATE");
    direct.run(&format!("GRANT TRUNCATE ON line TO \"{role}\"")).await;
    other.repository::<Line>().copy_in_with([line(1)], CopyInOptions::default().truncate()).await.unwrap();
    let error = other
        .repository::<Line>()
        .copy_in_with([line(1)], CopyInOptions::default().restart_identity())
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "42501", "{error:?}");
    assert_eq!(ours.repository::<Line>().all().count().await.unwrap(), 1);
}

#[pgrepo::test]
async fn under_row_level_security_the_way_by_insert_is_named(db: TestDatabase) {
    let secured =
        format!("{LINE}; ALTER TABLE line ENABLE ROW LEVEL SECURITY; CREATE POLICY low ON line USING (part < 5)");
    let (ours, mut direct) = set_up(&db, &secured).await;
    let subject = as_role(&db, &mut direct, "GRANT SELECT, INSERT ON line TO ROLE").await;
    let error = refused(&subject).await;
    says(&error, ErrorKind::Mismatch, "`insert_many`");
    // The way that it names.
    assert_eq!(subject.repository::<Line>().insert_many(lines(5)).await.unwrap(), 5);
    assert_eq!(
        subject.repository::<Line>().insert_many([line(9)]).await.unwrap_err().sqlstate().unwrap().as_str(),
        "42501"
    );
    // Whom it does not apply to loads as ever.
    ours.repository::<Line>().copy_in([line(9)]).await.unwrap();
    assert_eq!(subject.repository::<Line>().all().count().await.unwrap(), 5);
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM line").await, 6);
}

fn new(part: i32) -> NewLine {
    NewLine { part: Set::To(part), text: Some(format!("part {part}")) }
}

#[pgrepo::test]
async fn many_rows_go_by_statements_under_row_level_security(db: TestDatabase) {
    let secured =
        format!("{LINE}; ALTER TABLE line ENABLE ROW LEVEL SECURITY; CREATE POLICY low ON line USING (part < 5000)");
    let (_, mut direct) = set_up(&db, &secured).await;
    let subject = as_role(&db, &mut direct, "GRANT SELECT, INSERT ON line TO ROLE").await;
    let stored = async |direct: &mut Direct| {
        direct
            .one::<String>("SELECT count(*) || ' ' || coalesce(sum(part), 0) || ' ' || count(DISTINCT text) FROM line")
            .await
    };
    let table = || subject.repository::<Line>();

    // One row that a policy refuses, in any of the statements, and nothing is stored.
    for bad in [0, 255, 256, 999] {
        let rows = (0..1000).map(|n| new(if n == bad { 5000 } else { n }));
        let error = table().insert_many(rows).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().as_str(), "42501", "{error:?}");
        assert_eq!((error.operation(), error.table()), (Some("insert_many"), Some("line")), "{error:?}");
        assert_eq!(stored(&mut direct).await, "0 0 0", "{bad}");
    }
    // So it is with a row that cannot be sent.
    let nul = (0..1000).map(|n| NewLine { text: Some(if n == 700 { "\0" } else { "x" }.to_owned()), ..new(n) });
    let error = table().insert_many(nul).await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(700), Some("text")), "{error:?}");
    let mixed = (0..1000).map(|n| NewLine { part: if n == 600 { Set::Server } else { Set::To(n) }, ..new(n) });
    let error = table().insert_many(mixed).await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(600), Some("part")), "{error:?}");
    assert_eq!(stored(&mut direct).await, "0 0 0");

    // Each row of the source is stored once.
    assert_eq!(table().insert_many((0..1000).map(new)).await.unwrap(), 1000);
    assert_eq!(stored(&mut direct).await, "1000 499500 1000");
    // Few, and too large for a statement elsewhere.
    let large = (0..3).map(|n| NewLine { text: Some(n.to_string().repeat(500_000)), ..new(n) });
    assert_eq!(table().in_schema("public").insert_many(large).await.unwrap(), 3);
    assert_eq!(stored(&mut direct).await, "1003 499503 1003");

    // In a transaction a part of it fails, and the rest goes on.
    let mut tx = subject.begin().await.unwrap();
    assert_eq!(tx.repository::<Line>().insert_many((2000..2300).map(new)).await.unwrap(), 300);
    for bad in [5000, 5299] {
        let rows = (bad - 299..=bad).map(new);
        let error = tx.repository::<Line>().insert_many(rows).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().as_str(), "42501", "{error:?}");
    }
    tx.commit().await.unwrap();
    assert_eq!(stored(&mut direct).await, "1303 1144353 1303");

    // What the sessions were told of the table is out of date.
    direct.run("DELETE FROM line; ALTER TABLE line ADD COLUMN more int4").await;
    assert_eq!(table().insert_many((0..600).map(new)).await.unwrap(), 600);
    assert_eq!(stored(&mut direct).await, "600 179700 600");
}
