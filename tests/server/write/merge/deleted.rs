//! Rows that are deleted by many keys.

use futures_util::stream;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DeleteReport, Error, ErrorKind, PgTable};

use super::{SEATS, Seat, TABLE, User, new, seat};
use crate::support::{Direct, pool};

fn counts(report: DeleteReport) -> [u64; 4] {
    [report.deleted, report.missing, report.duplicates, report.rejected]
}

#[pgrepo::test(sql = "")]
async fn rows_are_deleted_by_their_keys_and_come_back_as_they_were(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    db.execute_script(TABLE).await.unwrap();
    let (seats, users) = (db.repository::<Seat>(), db.repository::<User>());
    seats.insert_many((0..200).map(|i| seat(i, "A", None))).await.unwrap();
    let keys = [(7, "A"), (150, "A"), (7, "A"), (8, "B")];
    assert_eq!(counts(seats.delete_many(keys).execute().await.unwrap()), [2, 1, 1, 0]);
    assert_eq!(counts(seats.delete_many([] as [(i32, &str); 0]).execute().await.unwrap()), [0; 4]);
    assert!(seats.get((7, "A")).await.unwrap().is_none());
    let gone = seats.delete_many([(9, "B"), (9, "A"), (3, "A"), (9, "A")]).fetch_all().await.unwrap();
    assert_eq!(gone, [None, Some(seat(9, "A", None)), Some(seat(3, "A", None)), None]);
    let keys = stream::iter((0..200).map(|i| (i, "A".to_owned())));
    assert_eq!(counts(seats.delete_many_stream(keys).execute().await.unwrap()), [196, 4, 0, 0]);
    users.insert_many(["a", "b", "c"].map(new)).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    assert_eq!(counts(tx.repository::<User>().delete_many([1, 3, 9]).execute().await.unwrap()), [2, 1, 0, 0]);
    tx.rollback().await.unwrap();
    assert_eq!(users.all().count().await.unwrap(), 3);
    let error = seats.delete_many([(1, "A\0")]).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.operation()), (ErrorKind::Encode, Some(0), Some("delete_many")));
    assert_eq!(error.field(), Some("letter"), "{error:?}");
    let failing = pgrepo::ndjson::read::<i64, _>(&b"2\ntwo\n"[..]);
    let error = users.delete_many_try_stream(failing).execute().await.unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!(users.all().count().await.unwrap(), 3);
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "node", new = "NewNode", unique = "code")]
struct Node {
    #[pg(primary_key, identity)]
    id: i64,
    code: String,
    parent: Option<i64>,
    #[pg(generated)]
    upper: Option<String>,
}

const NODES: &str = "CREATE TABLE node (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE, \
     parent int8 REFERENCES node, upper text GENERATED ALWAYS AS (upper(code)) STORED); \
     INSERT INTO node (code, parent) VALUES ('a', NULL), ('b', 1), ('c', 2), ('d', NULL), ('e', 4), ('f', NULL)";

fn node(code: &str) -> NewNode {
    NewNode { code: code.to_owned(), parent: None }
}

/// Rows that others refer to: those that go in the same call are in nobody's way, and of the others each comes back.
#[pgrepo::test]
async fn what_others_refer_to_is_refused_or_handed_back(db: Db) {
    db.execute_script(NODES).await.unwrap();
    let nodes = db.repository::<Node>();
    let error = nodes.delete_many([6, 1]).execute().await.unwrap_err();
    assert!(error.is_foreign_key_violation() && error.kind() == ErrorKind::Copy, "{error:?}");
    assert_eq!(nodes.all().count().await.unwrap(), 6);
    // 1, 2 and 3 refer to each other, 4 is referred to by 5, which stays.
    let (report, rejects) = nodes.delete_many([1, 4, 2, 3, 6, 77]).tolerant().collect().await.unwrap();
    assert_eq!(counts(report), [4, 1, 0, 1], "{rejects:?}");
    assert_eq!((rejects[0].index, rejects[0].row.map(|by| by.key)), (1, Some(4)));
    assert!(rejects[0].error.is_foreign_key_violation(), "{rejects:?}");
    let left: Vec<i64> = db.query("SELECT id FROM node ORDER BY id").fetch_all().await.unwrap();
    assert_eq!(left, [4, 5]);
    let report = nodes.delete_many([4]).tolerant().to_table("rejects").await.unwrap();
    assert_eq!(counts(report), [0, 0, 0, 1]);
    let written: Vec<String> = db.query("SELECT document::text FROM rejects").fetch_all().await.unwrap();
    assert_eq!(written, ["4"]);
}

#[pgrepo::test]
async fn rows_are_deleted_by_a_unique_set_in_any_schema(db: Db) {
    db.execute_script(&format!("CREATE SCHEMA s; SET LOCAL search_path = s; {NODES}")).await.unwrap();
    let nodes = db.repository::<Node>().in_schema("s");
    assert_eq!(
        counts(nodes.delete_many_on(Node::UNIQUE_CODE, [node("f"), node("x")]).execute().await.unwrap()),
        [1, 1, 0, 0]
    );
    let rows = stream::iter([node("e"), node("d")]);
    let gone = nodes.delete_many_stream_on(Node::UNIQUE_CODE, rows).fetch_all().await.unwrap();
    let told: Vec<_> = gone.iter().flatten().map(|n| (n.id, n.upper.as_deref())).collect();
    assert_eq!(told, [(5, Some("E")), (4, Some("D"))]);
    let rows = stream::iter([Ok::<_, Error>(node("c"))]);
    assert_eq!(nodes.delete_many_try_stream_on(Node::UNIQUE_CODE, rows).execute().await.unwrap().deleted, 1);
    assert_eq!(nodes.all().count().await.unwrap(), 2);
}

/// A trigger that keeps a row, and a role that may not delete.
#[pgrepo::test]
async fn rows_that_stay_and_privileges_that_lack_are_told(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(NODES).await;
    let role = format!("{}_deleter", database.name());
    direct.run(&format!("CREATE ROLE \"{role}\"; GRANT SELECT, UPDATE ON node TO \"{role}\"")).await;
    let db = pool(&database.url(), "deleted", 1).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute_script(&format!("SET LOCAL ROLE \"{role}\"")).await.unwrap();
    let error = tx.repository::<Node>().delete_many([6]).execute().await.unwrap_err();
    assert!(error.to_string().contains("delete_many SELECT, UPDATE and DELETE"), "{error}");
    tx.rollback().await.unwrap();
    direct.run(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
    direct
        .run(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
             CREATE TRIGGER keep BEFORE DELETE ON node FOR EACH ROW WHEN (OLD.code = 'f') EXECUTE FUNCTION keep()",
        )
        .await;
    let nodes = db.repository::<Node>();
    let error = nodes.delete_many([5, 6]).execute().await.unwrap_err();
    assert!(error.to_string().contains("deleted 1 of 2 rows, so nothing is stored"), "{error}");
    let error = nodes.delete_many([5, 6]).fetch_all().await.unwrap_err();
    assert!(error.to_string().contains("deleted 1 of 2 rows, so nothing is stored"), "{error}");
    assert_eq!(nodes.all().count().await.unwrap(), 6);
    let error = db.repository::<NodeView>().delete_many([1]).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Mismatch, Some("nowhere")), "{error:?}");
}

#[derive(Debug, PgTable)]
#[pg(table = "nowhere")]
struct NodeView {
    #[pg(primary_key)]
    id: i64,
}
