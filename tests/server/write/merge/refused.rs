//! What is refused, and what it says.

use std::sync::Mutex;

use pgrepo::testkit::TestDatabase;
use pgrepo::{Error, ErrorKind, FaultClass, RetryConfig, TxOptions};

use super::*;
use crate::support::Direct;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "stock", unique = "code", unique = "bin", unique = "name")]
struct Stock {
    #[pg(primary_key)]
    id: i32,
    code: Option<String>,
    bin: i32,
    name: String,
    amount: i32,
}

const STOCK: &str = "CREATE DOMAIN word AS text CHECK (value <> 'no'); CREATE TABLE names (name text PRIMARY KEY); \
    INSERT INTO names VALUES ('a'), ('b'); \
    CREATE TABLE stock (id int4 PRIMARY KEY, code word UNIQUE, bin int4 NOT NULL UNIQUE DEFERRABLE, \
    name varchar(5) NOT NULL REFERENCES names DEFERRABLE, amount int4 NOT NULL CONSTRAINT enough CHECK (amount >= 0)); \
    CREATE UNIQUE INDEX part ON stock (name) WHERE amount > 0";

fn stock(id: i32, code: Option<&str>, amount: i32) -> Stock {
    Stock { id, code: code.map(Into::into), bin: id, name: "a".into(), amount }
}

/// Of a transaction that goes on, and by itself: the error, after which the table is as it was.
async fn refused(db: &Db, rows: &[Stock], by_code: bool) -> Error {
    let before: Vec<Stock> = db.repository::<Stock>().all().fetch_all().await.unwrap();
    let mut errors = Vec::new();
    for inside in [false, true] {
        let mut tx = db.begin().await.unwrap();
        tx.query("CREATE TEMPORARY TABLE mine (id int4) ON COMMIT DROP").execute().await.unwrap();
        let error = match (inside, by_code) {
            (false, true) => db.repository::<Stock>().merge_on(Stock::UNIQUE_CODE, rows).execute().await,
            (false, false) => db.repository::<Stock>().merge(rows).execute().await,
            (true, true) => tx.repository::<Stock>().merge_on(Stock::UNIQUE_CODE, rows).execute().await,
            (true, false) => tx.repository::<Stock>().merge(rows).execute().await,
        };
        errors.push(error.unwrap_err());
        let count: i64 = tx.query("SELECT count(*) FROM mine").fetch_val().await.expect("the transaction goes on");
        tx.commit().await.unwrap();
        assert_eq!((count, db.repository::<Stock>().all().fetch_all().await.unwrap()), (0, before.clone()));
    }
    let (inside, outside) = (errors.pop().unwrap(), errors.pop().unwrap());
    assert_eq!((inside.kind(), inside.to_string()), (outside.kind(), outside.to_string()));
    assert_eq!(outside.operation(), Some(if by_code { "merge_on" } else { "merge" }));
    assert_eq!(outside.table(), Some("stock"));
    outside
}

#[pgrepo::test(sql = "")]
async fn a_row_that_the_server_refuses_is_told_and_nothing_is_stored(db: Db) {
    db.execute_script(STOCK).await.unwrap();
    let stocks = db.repository::<Stock>();
    stocks.insert(stock(1, Some("one"), 1)).await.unwrap();
    let good = stock(2, Some("two"), 0);

    let null = refused(&db, &[good.clone(), stock(3, None, 0)], true).await;
    assert_eq!(
        (null.kind(), null.row(), null.field(), null.column()),
        (ErrorKind::Copy, Some(1), Some("code"), Some("code"))
    );
    assert!(null.to_string().contains("the row has NULL where it is to be found by"), "{null}");
    assert!(null.is_not_null_violation());

    let word = refused(&db, &[good.clone(), stock(3, Some("no"), 0)], false).await;
    assert_eq!((word.kind(), word.row(), word.field()), (ErrorKind::Copy, Some(1), Some("code")));
    assert_eq!(word.constraint(), Some("word_check"));
    let long = refused(&db, &[good.clone(), Stock { name: "too long".into(), ..stock(3, None, 0) }], false).await;
    assert_eq!((long.kind(), long.row(), long.field()), (ErrorKind::Copy, Some(1), Some("name")), "{long:?}");
    let nul = refused(&db, &[good.clone(), stock(3, Some("\0"), 0)], false).await;
    assert_eq!((nul.kind(), nul.row(), nul.field()), (ErrorKind::Encode, Some(1), Some("code")));

    for row in [stock(1, None, -1), stock(3, None, -1)] {
        let check = refused(&db, &[good.clone(), row], false).await;
        assert_eq!(
            (check.kind(), check.constraint(), check.row()),
            (ErrorKind::Copy, Some("enough"), None),
            "{check:?}"
        );
        assert!(check.to_string().contains("nothing is stored: the constraint is named"), "{check}");
        assert!(check.detail().unwrap().contains("-1"), "{check:?}");
        assert!(check.is_check_violation() && check.fault_class() == pgrepo::FaultClass::Fatal);
    }
    let twice = refused(&db, &[good.clone(), stock(3, Some("one"), 0)], false).await;
    assert_eq!((twice.kind(), twice.constraint()), (ErrorKind::Copy, Some("stock_code_key")));
    assert!(twice.detail().unwrap().contains("one") && twice.is_unique_violation(), "{twice:?}");
    let foreign = refused(&db, &[good.clone(), Stock { name: "z".into(), ..stock(3, None, 0) }], false).await;
    assert_eq!((foreign.kind(), foreign.constraint()), (ErrorKind::Copy, Some("stock_name_fkey")));
    assert!(foreign.to_string().contains("nothing"), "{foreign}");
    let same = refused(&db, &[good.clone(), stock(1, None, 5), good], false).await;
    assert_eq!((same.kind(), same.row()), (ErrorKind::Copy, Some(2)));
}

#[pgrepo::test(sql = "")]
async fn what_is_no_unique_set_is_told_before_a_row_is_sent(db: Db) {
    db.execute_script(STOCK).await.unwrap();
    db.execute_script("CREATE VIEW seats AS SELECT 1 AS row, 'x'::text AS letter, 'y'::text AS who").await.unwrap();
    let stocks = db.repository::<Stock>();
    let rows = || (0..100_000).map(|i| stock(i, Some("x"), 0)).inspect(|row| assert!(row.id < 50_000, "all were read"));
    for error in [
        stocks.merge_on(Stock::UNIQUE_BIN, rows()).execute().await.unwrap_err(),
        stocks.merge_on(Stock::UNIQUE_NAME, rows()).fetch_all().await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Mismatch, Some("merge_on")), "{error:?}");
        assert!(error.to_string().contains("no unique constraint or index on just these columns ("), "{error}");
    }
    db.execute_script("ALTER TABLE stock DROP CONSTRAINT stock_pkey").await.unwrap();
    let error = stocks.merge(rows()).execute().await.unwrap_err();
    assert!(error.to_string().contains("columns (id)"), "{error}");
    let error = stocks.update_many(rows()).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Mismatch, Some("update_many")), "{error:?}");
    let seats = db.repository::<Seat>();
    for (view, does) in [
        (seats.merge([seat(1, "x", None)]).execute().await.unwrap_err(), "merged into"),
        (seats.update_many([seat(1, "x", None)]).execute().await.unwrap_err(), "updated in"),
        (seats.delete_many([(1, "x")]).execute().await.unwrap_err(), "deleted from"),
    ] {
        assert_eq!(view.kind(), ErrorKind::Mismatch, "{view:?}");
        assert!(view.to_string().contains(&format!("rows are {does} a table, and this is none")), "{view}");
    }
    db.execute_script("DROP VIEW seats").await.unwrap();
    let gone = db.repository::<Seat>().merge([seat(1, "x", None)]).execute().await.unwrap_err();
    assert_eq!((gone.kind(), gone.table()), (ErrorKind::Mismatch, Some("seats")), "{gone:?}");
    db.execute_script("CREATE TABLE seats (row int8, letter text, who text, PRIMARY KEY (row, letter))").await.unwrap();
    let other = db.repository::<Seat>().merge([seat(1, "x", None)]).execute().await.unwrap_err();
    assert_eq!((other.kind(), other.field()), (ErrorKind::Mismatch, Some("row")), "{other:?}");
}

#[pgrepo::test(sql = "")]
async fn columns_that_cannot_be_updated_are_told_before_anything_is_sent(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let left = users.merge_on(User::UNIQUE_EMAIL, [new("a")]).update(User::ORG).execute().await.unwrap_err();
    assert_eq!((left.kind(), left.column(), left.field()), (ErrorKind::Mismatch, Some("org"), Some("org")), "{left}");
    let key = users.merge_on(User::UNIQUE_EMAIL, [new("a")]).update(User::EMAIL).execute().await.unwrap_err();
    assert_eq!((key.kind(), key.column()), (ErrorKind::Mismatch, Some("email")), "{key}");
    // The first row decides which columns are sent.
    let mixed = [new("a"), NewUser { org: Set::To(1), ..new("b") }];
    let mixed = users.merge_on(User::UNIQUE_EMAIL, mixed).execute().await.unwrap_err();
    assert_eq!((mixed.kind(), mixed.row(), mixed.field()), (ErrorKind::Encode, Some(1), Some("org")), "{mixed}");
    assert_eq!(users.all().count().await.unwrap(), 0);
}

#[pgrepo::test]
async fn without_the_privilege_and_beside_a_table_of_the_same_name(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(SEATS).await;
    let db = Db::connect(pgrepo::DbConfig::from_url(&database.url()).unwrap().with_max_connections(1)).await.unwrap();
    let batch = [seat(1, "A", None)];
    let rows = |error: Error| (error.kind(), error.sqlstate().map(|s| s.as_str().to_owned()), error.to_string());

    let role = "DO $$ BEGIN CREATE ROLE pgrepo_merger; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
                GRANT SELECT ON seats TO pgrepo_merger";
    direct.run(role).await;
    let name: String = direct.one("SELECT current_database()::text").await;
    direct.run(&format!("REVOKE TEMPORARY ON DATABASE \"{name}\" FROM PUBLIC")).await;
    let mut tx = db.begin().await.unwrap();
    tx.query("SELECT set_config('role', 'pgrepo_merger', true)").execute().await.unwrap();
    let (kind, state, told) = rows(tx.repository::<Seat>().merge(&batch).execute().await.unwrap_err());
    assert_eq!((kind, state.as_deref()), (ErrorKind::Copy, Some("42501")), "{told}");
    assert!(told.contains("a merge takes SELECT, INSERT and UPDATE on the table"), "{told}");
    tx.rollback().await.unwrap();
    direct.run("GRANT SELECT, UPDATE, INSERT ON seats TO pgrepo_merger").await;
    let mut tx = db.begin().await.unwrap();
    tx.query("SELECT set_config('role', 'pgrepo_merger', true)").execute().await.unwrap();
    let (kind, state, told) = rows(tx.repository::<Seat>().merge(&batch).execute().await.unwrap_err());
    assert_eq!((kind, state.as_deref()), (ErrorKind::Copy, Some("42501")), "{told}");
    assert!(told.contains("GRANT TEMPORARY ON DATABASE"), "{told}");
    tx.rollback().await.unwrap();

    let mut tx = db.begin().await.unwrap();
    tx.query("CREATE TEMPORARY TABLE \"pgrepo: marks\" (n int4) ON COMMIT DROP").execute().await.unwrap();
    let (kind, state, told) = rows(tx.repository::<Seat>().merge(&batch).execute().await.unwrap_err());
    assert_eq!((kind, state.as_deref()), (ErrorKind::Copy, Some("42P07")), "{told}");
    assert!(told.contains("temporary table of the name"), "{told}");
    assert_eq!(tx.query("SELECT count(*) FROM \"pgrepo: marks\"").fetch_val::<i64>().await.unwrap(), 0);
    tx.rollback().await.unwrap();
    let mut tx = db.begin_with(pgrepo::TxOptions::default().read_only()).await.unwrap();
    let (kind, state, told) = rows(tx.repository::<Seat>().merge(&batch).execute().await.unwrap_err());
    assert_eq!((kind, state.as_deref()), (ErrorKind::Transaction, Some("25006")), "{told}");
    tx.rollback().await.unwrap();
    direct
        .run(&format!(
            "REVOKE SELECT ON seats FROM pgrepo_merger; GRANT TEMPORARY ON DATABASE \"{name}\" TO pgrepo_merger"
        ))
        .await;
    let mut tx = db.begin().await.unwrap();
    tx.query("SELECT set_config('role', 'pgrepo_merger', true)").execute().await.unwrap();
    let (kind, state, told) = rows(tx.repository::<Seat>().merge(&batch).execute().await.unwrap_err());
    assert_eq!((kind, state.as_deref()), (ErrorKind::Copy, Some("42501")), "{told}");
    assert!(told.contains("a merge takes SELECT, INSERT and UPDATE on the table"), "{told}");
    tx.rollback().await.unwrap();
    direct.run("CREATE TABLE \"pgrepo: merge\" (n int4)").await;
    assert_eq!(db.repository::<Seat>().merge(&batch).execute().await.unwrap().inserted, 1, "in another schema");
}

#[pgrepo::test(sql = "")]
async fn a_trigger_or_a_policy_that_leaves_rows_out_is_told(db: Db) {
    db.execute_script(&SEATS.replace(
        "PARTITION BY RANGE (row); CREATE TABLE seats1 PARTITION OF seats FOR VALUES FROM (0) TO (100); \
     CREATE TABLE seats2 PARTITION OF seats DEFAULT",
        "",
    ))
    .await
    .unwrap();
    let trigger = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF NEW.who = 'skip' THEN RETURN NULL; ELSIF NEW.who = 'move' THEN NEW.row := 1000 + NEW.row; END IF; RETURN NEW; END $$; \
        CREATE TRIGGER skip BEFORE INSERT OR UPDATE ON seats FOR EACH ROW EXECUTE FUNCTION skip()";
    db.execute_script(trigger).await.unwrap();
    let seats = db.repository::<Seat>();
    seats.insert(seat(1, "A", None)).await.unwrap();
    let error = seats.merge([seat(2, "A", None), seat(3, "A", Some("skip"))]).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Copy, Some(1)), "{error:?}");
    assert!(error.to_string().contains("neither inserted nor is it found by its key"), "{error}");
    let error = seats.merge([seat(2, "A", None), seat(1, "A", Some("skip"))]).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Copy);
    assert!(error.to_string().contains("updated 0 of 1 rows, so nothing is stored"), "{error}");
    let error = seats.merge([seat(2, "A", None), seat(3, "A", Some("move"))]).fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Copy, Some(1)), "{error:?}");
    assert_eq!(seats.all().fetch_all().await.unwrap(), [seat(1, "A", None)]);
}

/// What may pass ends each run of a closure, and what is told in the n-th one says so.
#[pgrepo::test(sql = "")]
async fn what_may_pass_may_be_run_again_and_says_how_often_it_was(db: Db) {
    db.execute_script("CREATE TABLE seats (row int4, letter text, who text, PRIMARY KEY (row, letter))").await.unwrap();
    // One row is a conflict, the other always stored by somebody else when it is inserted.
    let trigger = "CREATE FUNCTION before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF NEW.who = 'conflict' THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END IF; \
        IF NEW.who = 'late' THEN INSERT INTO seats VALUES (NEW.row, NEW.letter, 'first'); END IF; RETURN NEW; END $$; \
        CREATE TRIGGER before BEFORE INSERT ON seats FOR EACH ROW EXECUTE FUNCTION before()";
    db.execute_script(trigger).await.unwrap();
    let zero = std::time::Duration::ZERO;
    let retry = RetryConfig { attempts: 3, first_delay: zero, greatest_delay: zero, ..RetryConfig::default() };
    for (who, kind, says) in [
        ("conflict", ErrorKind::Transaction, "could not be serialised"),
        ("late", ErrorKind::Copy, "insert and delete rows with the same keys all the time"),
    ] {
        let attempts = Mutex::new(Vec::new());
        let done = db.transaction_with(TxOptions::default().retry(retry), async |tx| {
            let done = tx.repository::<Seat>().merge([seat(1, "A", Some(who))]).execute().await;
            attempts.lock().unwrap().extend(done.as_ref().err().map(Error::attempts));
            done
        });
        let error = done.await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!((error.kind(), error.fault_class()), (kind, FaultClass::RolledBack), "{error:?}");
        assert!(error.is_retryable(), "{error:?}");
        assert_eq!(attempts.into_inner().unwrap(), [1, 2, 3], "{who}");
    }
    assert_eq!(db.repository::<Seat>().all().count().await.unwrap(), 0);
}
