use futures_util::TryStreamExt;
use pgrepo::{Db, ErrorKind, TxOutcome};

#[pgrepo::test]
async fn values_go_out_and_come_back(db: Db) {
    let row: (i32, Option<String>, String) = db
        .query("SELECT $1::int4, $2::text, $3::text")
        .bind(41)
        .bind(None::<String>)
        .bind("é")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(row, (41, None, "é".to_owned()));
    let one: i64 = db.query("SELECT count(*) FROM generate_series(1, 7)").fetch_one().await.unwrap();
    assert_eq!(one, 7);
}

#[pgrepo::test]
async fn the_same_text_with_two_types_is_an_error_and_never_a_wrong_value(db: Db) {
    let text: String = db.query("select $1::text").bind("5").fetch_one().await.unwrap();
    assert_eq!(text, "5");
    for error in [
        db.query("select $1::text").bind(5_i64).fetch_one::<String>().await.unwrap_err(),
        db.query("select $1::text").bind(1.5_f64).fetch_one::<String>().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
        assert!(error.to_string().contains("parameter $1 is text"), "{error}");
    }
}

#[pgrepo::test]
async fn none_and_two_rows_are_errors_where_one_was_asked_for(db: Db) {
    let none = db.query("SELECT 1 WHERE false").fetch_one::<i32>().await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NoRow);
    let two = db.query("SELECT * FROM generate_series(1, 2)").fetch_one::<i32>().await.unwrap_err();
    assert_eq!(two.kind(), ErrorKind::ManyRows);
    let two = db.query("SELECT * FROM generate_series(1, 2)").fetch_optional::<i32>().await.unwrap_err();
    assert_eq!(two.kind(), ErrorKind::ManyRows);
    let first = db.query("SELECT * FROM generate_series(1, 2)").fetch_first::<i32>().await.unwrap();
    assert_eq!(first, Some(1));
    let none = db.query("SELECT 1 WHERE false").fetch_optional::<i32>().await.unwrap();
    assert_eq!(none, None);
}

#[pgrepo::test]
async fn a_stream_reads_row_by_row_and_may_stop_early(db: Db) {
    let rows = db.query("SELECT i, repeat('x', 1000) FROM generate_series(1, 1000000) i");
    let mut stream = rows.stream::<(i32, String)>().await.unwrap();
    for i in 1..=10 {
        assert_eq!(stream.next().await.unwrap().unwrap().0, i);
    }
    drop(stream);
    let all: Vec<i32> =
        db.query("SELECT * FROM generate_series(1, 5)").stream::<i32>().await.unwrap().try_collect().await.unwrap();
    assert_eq!(all, [1, 2, 3, 4, 5]);
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY)")]
async fn a_transaction_is_committed_rolled_back_or_dropped(db: Db) {
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.query("INSERT INTO t VALUES ($1)").bind(1).execute().await.unwrap(), 1);
    let id = tx.id().await.unwrap();
    assert_eq!(db.outcome(id).await.unwrap(), TxOutcome::InProgress);
    tx.commit().await.unwrap();
    assert_eq!(db.outcome(id).await.unwrap(), TxOutcome::Committed);

    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (2)").execute().await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (3)").execute().await.unwrap();
    drop(tx);

    // 24: a commit of an aborted transaction is an error.
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (4)").execute().await.unwrap();
    let error = tx.query("INSERT INTO t VALUES (1)").execute().await.unwrap_err();
    assert!(error.is_unique_violation(), "{error:?}");
    assert_eq!(error.constraint(), Some("t_pkey"));
    assert_eq!(error.table(), Some("t"));
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction);
    assert_eq!(db.query("SELECT id FROM t").fetch_all::<i32>().await.unwrap(), [1]);
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4, name text)")]
async fn a_statement_prepared_before_the_table_changed_is_prepared_again(db: Db) {
    db.query("INSERT INTO t VALUES ($1, $2)").bind(1).bind("a").execute().await.unwrap();
    let select = "SELECT id FROM t WHERE id = $1";
    assert_eq!(db.query(select).bind(1).fetch_one::<i32>().await.unwrap(), 1);
    db.execute_script("ALTER TABLE t ALTER id TYPE int8").await.unwrap();
    assert_eq!(db.query(select).bind(1_i64).fetch_one::<i64>().await.unwrap(), 1);
    let error = db.query(select).bind(1_i64).fetch_one::<i32>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    assert_eq!(db.query("INSERT INTO t VALUES ($1, $2)").bind(2_i64).bind("b").execute().await.unwrap(), 1);
    db.execute_script("ALTER TABLE t ADD more text").await.unwrap();
    assert_eq!(db.query("SELECT * FROM t").fetch_rows().await.unwrap().len(), 2);
    db.execute_script("ALTER TABLE t DROP name").await.unwrap();
    assert_eq!(db.query("SELECT * FROM t").fetch_rows().await.unwrap()[0].columns().count(), 2);
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4); INSERT INTO t VALUES (1), (2)")]
async fn a_stale_statement_is_run_once_more_and_in_a_transaction_refused(db: Db) {
    let select = "SELECT * FROM t ORDER BY id";
    assert_eq!(db.query(select).fetch_all::<i32>().await.unwrap(), [1, 2]);
    // Only the result's type has changed, which is seen where the statement runs.
    let mut types = ["int8", "int4"].into_iter().cycle();
    let mut alter = async || {
        let ty = types.next().unwrap();
        db.execute_script(&format!("ALTER TABLE t ALTER id TYPE {ty}")).await.unwrap();
    };
    alter().await;
    assert_eq!(db.query(select).fetch_rows().await.unwrap().len(), 2);
    alter().await;
    let mut rows = db.query(select).stream::<pgrepo::Value>().await.unwrap();
    let mut ids = Vec::new();
    while let Some(id) = rows.next().await.unwrap() {
        ids.push(id);
    }
    assert_eq!(ids, [pgrepo::Value::Int4(1), pgrepo::Value::Int4(2)]);
    drop(rows);

    for stream in [false, true] {
        alter().await;
        let mut tx = db.begin().await.unwrap();
        let error = match stream {
            true => tx.query(select).stream::<pgrepo::Value>().await.unwrap().next().await.unwrap_err(),
            false => tx.query(select).fetch_rows().await.unwrap_err(),
        };
        assert_eq!(error.sqlstate().unwrap().as_str(), "0A000", "{error:?}");
        tx.rollback().await.unwrap();
        // What was prepared is forgotten all the same: the next transaction does not meet it.
        let mut tx = db.begin().await.unwrap();
        assert_eq!(tx.query(select).fetch_rows().await.unwrap().len(), 2);
        tx.rollback().await.unwrap();
    }
}
