//! Places where two things meet: a raw connection and a commit, a refused row and one that cannot be encoded, a struct
//! and a table that leave a column to each other.

use pgrepo::{CopyInOptions, Db, ErrorKind, PgEnum, PgInsert, PgTable, TxId, TxOutcome};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "t")]
struct T {
    #[pg(primary_key)]
    id: i32,
    name: String,
}

fn t(id: i32, name: &str) -> T {
    T { id, name: name.to_owned() }
}

async fn ids(db: &Db) -> Vec<i32> {
    db.query("SELECT id FROM t ORDER BY id").fetch_all().await.unwrap()
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY, name text)")]
async fn a_commit_after_a_raw_rollback_is_an_error(db: Db) {
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (1, 'a')").execute().await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut *tx.raw().unwrap()).await.unwrap();
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction, "{error:?}");
    assert!(ids(&db).await.is_empty());
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY, name text)")]
async fn a_row_that_cannot_be_encoded_after_one_that_was_refused_spoils_no_transaction(db: Db) {
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO t VALUES (1, 'before')").execute().await.unwrap();
    // The first row is refused by the server long before the last one cannot be encoded.
    let rows = (0..100_000).map(|i| if i == 99_999 { t(i, "a\0b") } else { t(i.max(1), "a long enough text") });
    let error = tx.repository::<T>().copy_in(rows).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode | ErrorKind::Copy), "{error:?}");
    tx.query("INSERT INTO t VALUES (2, 'after')").execute().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&db).await, [1, 2]);
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY, name text)")]
async fn the_number_of_a_transaction_can_be_kept_as_text(db: Db) {
    let mut tx = db.begin().await.unwrap();
    let kept = tx.id().await.unwrap().to_string();
    tx.rollback().await.unwrap();
    assert_eq!(db.outcome(kept.parse::<TxId>().unwrap()).await.unwrap(), TxOutcome::Aborted);
    assert_eq!("x".parse::<TxId>().unwrap_err().kind(), ErrorKind::Config);
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, NULL)")]
async fn the_first_row_is_read_whatever_the_second_holds(db: Db) {
    let first = db.query("SELECT * FROM t ORDER BY id").fetch_first::<T>().await.unwrap();
    assert_eq!(first, Some(t(1, "a")));
    let error = db.query("SELECT * FROM t ORDER BY id").fetch_one::<T>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ManyRows);
    let error = db.query("SELECT * FROM t ORDER BY id").fetch_all::<T>().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Decode, Some(1), Some("name")), "{error:?}");
    let error = db.query("SELECT id, name FROM t").fetch_all::<(i32, String)>().await.unwrap_err();
    assert!(error.to_string().contains("value 2 of the row"), "{error}");
    let error = db.query("SELECT id, name FROM t").fetch_all::<(i64, String)>().await.unwrap_err();
    assert!(error.to_string().contains("value 1 of the result is int4"), "{error}");
    assert!(
        db.repository::<T>().patch(1, []).await.unwrap(),
        "without a change it still says whether there is such a row"
    );
}

#[derive(Debug, PgTable)]
#[pg(table = "numbered")]
struct Unmarked {
    id: i64,
}

#[derive(Debug, PgTable)]
#[pg(table = "numbered", new = "NewMarked")]
struct Marked {
    #[pg(primary_key, identity)]
    id: i64,
    #[pg(default)]
    note: Option<String>,
    n: i32,
}

#[pgrepo::test(sql = "CREATE TABLE numbered (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, n int4)")]
async fn what_is_left_to_the_server_is_made_by_it(db: Db) {
    let error = db.repository::<Unmarked>().copy_in([Unmarked { id: 7 }]).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("id")), "{error:?}");
    let row = || NewMarked { note: pgrepo::Set::Server, n: 1 };
    let error = db.repository::<Marked>().copy_in([row()]).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("note")), "{error:?}");
    db.execute_script("ALTER TABLE numbered ALTER note SET DEFAULT 'made'").await.unwrap();
    db.repository::<Marked>().copy_in([row()]).await.unwrap();
    let kept = CopyInOptions::default().keep_identity();
    db.repository::<Marked>().copy_in_with([Marked { id: 9, note: None, n: 2 }], kept).await.unwrap();
    let rows: Vec<(i64, Option<String>)> =
        db.query("SELECT id, note FROM numbered ORDER BY id").fetch_all().await.unwrap();
    assert_eq!(rows, [(1, Some("made".to_owned())), (9, None)]);
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
enum Mood {
    #[pg(rename = "ok")]
    Ok,
}

#[pgrepo::test(sql = "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE m (mood mood)")]
async fn an_enum_that_was_made_anew_is_found_again(db: Db) {
    let insert = "INSERT INTO m VALUES ($1)";
    db.query(insert).bind(Mood::Ok).execute().await.unwrap();
    assert_eq!(db.query("SELECT mood FROM m").fetch_all::<Mood>().await.unwrap(), [Mood::Ok]);
    db.execute_script("DROP TABLE m; DROP TYPE mood; CREATE TYPE mood AS ENUM ('x', 'ok'); CREATE TABLE m (mood mood)")
        .await
        .unwrap();
    db.query(insert).bind(Mood::Ok).execute().await.unwrap();
    assert_eq!(db.query("SELECT mood FROM m").fetch_all::<Mood>().await.unwrap(), [Mood::Ok]);
}

#[derive(Debug, PgTable)]
#[pg(table = "note")]
struct Note {
    #[pg(primary_key)]
    id: i32,
    text: Option<String>,
    tags: Option<Vec<String>>,
}

#[derive(Debug, PgInsert)]
#[pg(of = Note)]
struct NewNote<'a> {
    id: i32,
    text: Option<&'a str>,
    tags: Option<&'a [&'a str]>,
}

#[pgrepo::test(sql = "CREATE TABLE note (id int4 PRIMARY KEY, text text, tags text[])")]
async fn a_struct_of_one_s_own_writes_options_that_borrow(db: Db) {
    let rows = [NewNote { id: 1, text: Some("a"), tags: Some(&["x", "y"]) }, NewNote { id: 2, text: None, tags: None }];
    db.repository::<Note>().copy_in(&rows).await.unwrap();
    let first = db.repository::<Note>().get(1).await.unwrap().unwrap();
    assert_eq!((first.text.as_deref(), first.tags), (Some("a"), Some(vec!["x".to_owned(), "y".to_owned()])));
    assert!(db.repository::<Note>().patch(1, [Note::TEXT.set(None)]).await.unwrap());
    assert_eq!(db.repository::<Note>().find(Note::TEXT.eq(None)).fetch_all().await.unwrap().len(), 2);
}
