//! Merges of the same rows side by side.

use futures_util::future::join_all;
use pgrepo::testkit::TestDatabase;

use super::*;
use crate::support::{Direct, LONG, Rng, pool};

const TASKS: usize = 8;
const ROUNDS: usize = 200;
const KEYS: usize = 60;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "tally", unique = "name")]
struct Tally {
    #[pg(primary_key, identity)]
    id: i64,
    name: String,
    val: i64,
    #[pg(version)]
    version: i64,
}

const TALLY: &str = "CREATE TABLE tally (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, \
    val int8 NOT NULL, version int8 NOT NULL); \
    CREATE TABLE history (name text, before int8, val int8); \
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'UPDATE' \
    THEN INSERT INTO history VALUES (NEW.name, OLD.val, NEW.val); ELSE INSERT INTO history VALUES (NEW.name, NULL, NEW.val); \
    END IF; RETURN NULL; END $$; \
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON tally FOR EACH ROW EXECUTE FUNCTION note()";

/// Some of the keys in any order, each with a value that no other merge has.
fn batch(rng: &mut Rng, val: i64) -> Vec<Tally> {
    let mut names: Vec<usize> = (0..KEYS).collect();
    for i in (1..names.len()).rev() {
        names.swap(i, rng.below(i + 1));
    }
    names.truncate(1 + rng.below(KEYS / 2));
    names.into_iter().map(|name| Tally { id: 0, name: format!("k{name}"), val, version: 0 }).collect()
}

#[pgrepo::test(flavor = "multi_thread")]
async fn overlapping_merges_neither_block_each_other_for_good_nor_lose_an_update(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(TALLY).await;
    let db = pool(&database.url(), "merge", TASKS).await;
    let tasks = (0..TASKS).map(|task| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut rng = Rng(0x5eed + task as u64);
            let (mut inserted, mut updated, mut deleted) = (0, 0, 0);
            for round in 0..ROUNDS {
                let rows = batch(&mut rng, i64::try_from(task * ROUNDS + round + 1).unwrap());
                let count = rows.len() as u64;
                let tallies = db.repository::<Tally>();
                let report = match round % 3 {
                    0 => {
                        let mut tx = db.begin().await.unwrap();
                        let merge = tx.repository::<Tally>().merge_on(Tally::UNIQUE_NAME, rows);
                        let report = merge.execute().await.unwrap();
                        tx.commit().await.unwrap();
                        report
                    }
                    1 => tallies.merge_on(Tally::UNIQUE_NAME, rows).execute().await.unwrap(),
                    _ => {
                        let merged = tallies.merge_on(Tally::UNIQUE_NAME, &rows).fetch_all().await.unwrap();
                        let mut report = MergeReport::default();
                        for (merged, row) in merged.iter().zip(&rows) {
                            assert_eq!((&merged.row.name, merged.row.val), (&row.name, row.val));
                            match merged.outcome {
                                MergeOutcome::Inserted => report.inserted += 1,
                                MergeOutcome::Updated => report.updated += 1,
                                other => panic!("{other:?}"),
                            }
                        }
                        report
                    }
                };
                assert_eq!(report.inserted + report.updated, count, "{report:?}");
                inserted += report.inserted;
                updated += report.updated;
                // So that rows are inserted again and again.
                for _ in 0..rng.below(4) {
                    let name = format!("k{}", rng.below(KEYS));
                    deleted += tallies.delete_where(Tally::NAME.eq(name)).execute().await.unwrap();
                }
            }
            (inserted, updated, deleted)
        })
    });
    let mut all = (0, 0, 0);
    for task in join_all(tasks).await {
        let (inserted, updated, deleted) = task.unwrap();
        all = (all.0 + inserted, all.1 + updated, all.2 + deleted);
    }
    let (inserted, updated, deleted) = all;
    assert!(inserted > KEYS as u64 && updated > 1000, "{all:?}");
    let left: i64 = direct.one("SELECT count(*) FROM tally").await;
    assert_eq!(i64::try_from(inserted - deleted).unwrap(), left);
    let noted: i64 = direct.one("SELECT count(*) FROM history WHERE before IS NOT NULL").await;
    assert_eq!(i64::try_from(updated).unwrap(), noted);
    // Each update saw what the one before it had stored: no value is overwritten twice.
    let lost: i64 = direct
        .one("SELECT count(*) FROM (SELECT FROM history WHERE before IS NOT NULL GROUP BY name, before HAVING count(*) > 1) l")
        .await;
    assert_eq!(lost, 0);
    // And each value but the last of a row, and those that were deleted, was overwritten.
    let ends: i64 = direct
        .one("SELECT count(*) FROM history h WHERE NOT EXISTS (SELECT FROM history n WHERE n.name = h.name AND n.before = h.val)")
        .await;
    assert_eq!(u64::try_from(ends).unwrap(), inserted, "each row that was inserted has one last value");
    let counted: bool = direct
        .one("SELECT bool_and(version < (SELECT count(*) FROM history h WHERE h.name = t.name)) FROM tally t")
        .await;
    assert!(counted);
    direct.at_rest("merge", TASKS).await;
}

const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)";

#[pgrepo::test(flavor = "multi_thread")]
async fn a_row_that_another_transaction_inserts_or_changes_meanwhile_is_seen(database: TestDatabase) {
    let (mut direct, mut watcher) = (Direct::to(&database).await, Direct::to(&database).await);
    direct.run(SEATS).await;
    direct.run("INSERT INTO seats VALUES ('A', 1, 'same')").await;
    let db = pool(&database.url(), "merge", 2).await;
    for (other, wanted) in [
        // Inserted with the same key: found by a second look.
        ("INSERT INTO seats VALUES ('A', 2, 'other')", [0, 1, 1, 0, 0]),
        // Changed, so that it no longer is as the merge has it.
        ("UPDATE seats SET who = 'other' WHERE row = 1", [1, 1, 0, 0, 0]),
        ("DELETE FROM seats WHERE row = 1", [2, 0, 0, 0, 0]),
    ] {
        direct.run("DELETE FROM seats WHERE row > 1; BEGIN").await;
        direct.run(other).await;
        let merge = tokio::spawn({
            let db = db.clone();
            async move {
                let rows = [seat(1, "A", Some("same")), seat(2, "A", Some("mine"))];
                db.repository::<Seat>().merge(rows).execute().await
            }
        });
        watcher.within(LONG, "the merge waits", WAITS).await;
        direct.run("COMMIT").await;
        assert_eq!(counts(merge.await.unwrap().unwrap()), wanted, "{other}");
        let rows = db.repository::<Seat>().get_many([(1, "A"), (2, "A")]).await.unwrap();
        let who: Vec<_> = rows.into_iter().map(|row| row.unwrap().who.unwrap()).collect();
        assert_eq!(who, ["same", "mine"], "{other}");
    }
}

#[pgrepo::test(flavor = "multi_thread")]
async fn many_deletes_of_the_same_rows_do_not_block_each_other_for_good(database: TestDatabase) {
    // So many that the rows are found by the keys, in their order, and not the other way round.
    let table = "CREATE TABLE seats (row int4, letter text, who text, PRIMARY KEY (row, letter)); \
        INSERT INTO seats SELECT i, 'A' FROM generate_series(0, 49999) i; ANALYZE seats";
    Direct::to(&database).await.run(table).await;
    let db = pool(&database.url(), "merge", TASKS).await;
    for round in 0..40_u64 {
        let tasks = (0..TASKS as u64).map(|task| {
            let db = db.clone();
            let mut rng = Rng(round * 100 + task);
            tokio::spawn(async move {
                let mut keys: Vec<(i32, &str)> = (0..60).map(|i| (i * 500, "A")).collect();
                for i in (1..keys.len()).rev() {
                    keys.swap(i, rng.below(i + 1));
                }
                db.repository::<Seat>().delete_many(keys).execute().await.unwrap().deleted
            })
        });
        let deleted: u64 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
        assert_eq!(deleted, 60);
        db.repository::<Seat>().insert_many((0..60).map(|i| seat(i * 500, "A", None))).await.unwrap();
    }
}
