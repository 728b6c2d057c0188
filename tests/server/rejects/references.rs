//! Rows that refer to each other.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, PgTable, Rejected};

use crate::support::{Direct, Rng};

#[derive(Debug, Clone, PgTable)]
#[pg(table = "node")]
struct Node {
    #[pg(primary_key)]
    id: i64,
    parent: Option<i64>,
    weight: i32,
}

const NODE: &str =
    "CREATE TABLE node (id int8 PRIMARY KEY, parent int8 REFERENCES node, weight int4 CHECK (weight > 0))";
const DEFERRED: &str = "CREATE TABLE node (id int8 PRIMARY KEY, parent int8 REFERENCES node DEFERRABLE INITIALLY \
                        DEFERRED, weight int4 CHECK (weight > 0))";

fn node(id: i64, parent: impl Into<Option<i64>>) -> Node {
    Node { id, parent: parent.into(), weight: 1 }
}

fn indices(rejects: &[Rejected<Node>]) -> Vec<u64> {
    rejects.iter().map(|reject| reject.index).collect()
}

async fn stored(db: &Db) -> Vec<i64> {
    db.query("SELECT id FROM node ORDER BY id").fetch_all().await.unwrap()
}

/// Chains to later rows, a circle, and rows of which some refer to bad ones.
fn rows() -> (Vec<Node>, Vec<u64>) {
    let mut rows: Vec<Node> = (0..1000).map(|id| node(id, id + 1)).collect();
    rows.push(node(1000, None));
    // A circle across the whole batch.
    rows[100].parent = Some(900);
    rows[900].parent = Some(100);
    // 500 refers to nobody, and so 450 to 500 refer to a bad row; 449 does not any more.
    rows[500].parent = Some(-5);
    rows[449].parent = Some(1000);
    // 700 is bad for another reason, and 699 refers to it; 698 does not.
    rows[700].weight = 0;
    rows[698].parent = None;
    let bad = (450..=500).chain([699, 700]).collect();
    (rows, bad)
}

async fn rows_that_refer_to_later_ones(db: &Db) {
    let (rows, bad) = rows();
    let (report, rejects) = db.repository::<Node>().load(&rows).collect().await.unwrap();
    let found: Vec<u64> = rejects.iter().map(|reject| reject.index).collect();
    assert_eq!(found, bad);
    for reject in &rejects {
        let state = if reject.index == 700 { "23514" } else { "23503" };
        assert_eq!(reject.sqlstate().unwrap().as_str(), state, "{reject:?}");
    }
    assert_eq!(report.rows, 1001 - bad.len() as u64);
    assert_eq!(stored(db).await, (0..=1000_i64).filter(|id| !bad.contains(&id.unsigned_abs())).collect::<Vec<_>>());
}

#[pgrepo::test]
async fn only_rows_that_refer_to_bad_ones_are_rejected_with_them(db: Db) {
    db.execute_script(NODE).await.unwrap();
    rows_that_refer_to_later_ones(&db).await;
}

#[pgrepo::test]
async fn deferred_references_too(db: Db) {
    db.execute_script(DEFERRED).await.unwrap();
    rows_that_refer_to_later_ones(&db).await;
}

#[pgrepo::test]
async fn in_any_order(db: Db) {
    db.execute_script(NODE).await.unwrap();
    for seed in 0..8 {
        let (mut rows, bad) = rows();
        let mut rng = Rng(seed);
        for place in (1..rows.len()).rev() {
            rows.swap(place, rng.below(place + 1));
        }
        let (_, rejects) = db.repository::<Node>().load(rows).collect().await.unwrap();
        let mut ids: Vec<u64> = rejects.iter().map(|reject| reject.row.as_ref().unwrap().id.unsigned_abs()).collect();
        ids.sort_unstable();
        assert_eq!(ids, bad, "seed {seed}");
        db.execute_script("TRUNCATE node").await.unwrap();
    }
}

#[pgrepo::test]
async fn a_row_refers_to_an_earlier_batch_and_not_to_a_later_one(db: Db) {
    db.execute_script(NODE).await.unwrap();
    let rows = [node(1, None), node(2, 5), node(3, 1), node(4, 3), node(5, 4)];
    let (report, rejects) = db.repository::<Node>().load(rows).batch_rows(2).collect().await.unwrap();
    assert_eq!((report.rows, report.batches, indices(&rejects)), (4, 3, vec![1]));
}

#[pgrepo::test]
async fn a_role_without_temporary_tables_is_served_by_halves(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(NODE).await;
    direct.run(&format!("REVOKE TEMPORARY ON DATABASE \"{}\" FROM PUBLIC", db.name())).await;
    direct.run("CREATE ROLE plain LOGIN; GRANT INSERT ON node TO plain").await;
    let url = db.url().replace("//postgres", "//plain");
    assert!(url.contains("plain"), "{url}");
    let ours = Db::from_url(&url).await.unwrap();
    let mut rows: Vec<Node> = (0..200).map(|id| node(id, (id > 0).then_some(id / 2))).collect();
    for place in [3, 150, 151, 199] {
        rows[place].parent = Some(-1);
    }
    // 3 is the parent of 6 and 7, and so on.
    let mut bad = vec![false; rows.len()];
    for (place, row) in rows.iter().enumerate() {
        let parent = row.parent.map(usize::try_from);
        bad[place] = parent.is_some_and(|parent| parent.is_err() || bad[parent.unwrap()]);
    }
    let load = ours.repository::<Node>().load(rows).max_rejects(200);
    let (report, rejects) = load.collect().await.unwrap();
    let found = indices(&rejects);
    assert_eq!(found, (0..200).filter(|id| bad[usize::try_from(*id).unwrap()]).collect::<Vec<_>>());
    assert_eq!(report.rows + report.rejected, 200);
    drop(ours);
    direct.run("DROP OWNED BY plain; DROP ROLE plain").await;
}

#[pgrepo::test]
async fn only_a_refusal_that_says_it_cannot_be_asked_is_borne(db: Db) {
    db.execute_script(NODE).await.unwrap();
    db.execute_script(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE 'refused' USING ERRCODE = current_setting('test.code'); END $$; \
         CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION refuse()",
    )
    .await
    .unwrap();
    for (code, borne) in [("42501", true), ("42P07", true), ("0A000", true), ("57014", false), ("53100", false)] {
        let mut tx = db.begin().await.unwrap();
        tx.query(format!("SET LOCAL test.code = '{code}'")).execute().await.unwrap();
        let rows = (0..10).map(|id| node(id, (id == 5).then_some(-1)));
        let loaded = tx.repository::<Node>().load(rows).collect().await;
        match loaded {
            Ok((report, rejects)) => {
                assert_eq!((borne, report.rows, indices(&rejects)), (true, 9, vec![5]), "{code}")
            }
            Err(error) => {
                assert!(!borne, "{code}: {error:?}");
                assert_eq!(error.sqlstate().unwrap().as_str(), code, "{error:?}");
                assert_eq!(error.committed().unwrap().batches, 0);
            }
        }
        tx.rollback().await.unwrap();
    }
}
