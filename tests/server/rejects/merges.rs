//! Merges and updates of many rows that hand bad rows back.

use futures_util::stream;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, Duplicates, ErrorKind, MergeOutcome, MergeReport, Merged, PgTable, Rejected, RowError};

use super::planted::{plan, seed};
use super::{Kind, Parcel, TRIGGER, parcel, set_up};
use crate::support::{LONG, pool};

/// A report's counts: inserted, updated, unchanged, duplicates, rejected, missing.
pub(super) fn counts(report: MergeReport) -> [u64; 6] {
    let MergeReport { inserted, updated, unchanged, duplicates, rejected, missing, .. } = report;
    [inserted, updated, unchanged, duplicates, rejected, missing]
}

pub(super) fn indices<R>(rejects: &[Rejected<R>]) -> Vec<u64> {
    rejects.iter().map(|reject| reject.index).collect()
}

/// Each third row is there and another one, each third as it is to be.
async fn compare(db: &Db, size: i64, bad: usize, kinds: &[Kind], batch: usize) {
    let (rows, planned) = plan(seed(), size, bad, kinds);
    let there = |id: i64| id % 3 != 0;
    let before =
        (0..size).filter(|id| there(*id)).map(|id| Parcel { amount: if id % 3 == 1 { 1 } else { 7 }, ..parcel(id) });
    db.repository::<Parcel>().copy_in(before).await.unwrap();
    let begun = std::time::Instant::now();
    let merge = db.repository::<Parcel>().merge(rows.iter()).tolerant().batch_rows(batch).max_rejects(bad as u64);
    let (report, rejects) = merge.collect().await.unwrap();
    println!("{report:?} in {:?}", begun.elapsed());
    let found: Vec<usize> = rejects.iter().map(|reject| usize::try_from(reject.index).unwrap()).collect();
    assert_eq!(found, planned.iter().map(|(place, _)| *place).collect::<Vec<_>>());
    for ((place, kind), reject) in planned.iter().zip(&rejects) {
        assert_eq!(reject.row.map(|row| row.id), Some(rows[*place].id));
        kind.check(reject);
        assert_eq!(reject.error.operation(), Some("merge"));
    }
    let is_bad = |place: &usize| planned.binary_search_by_key(place, |(bad, _)| *bad).is_ok();
    let mut expected = [0, 0, 0, 0, bad as u64, 0];
    for (place, row) in rows.iter().enumerate().filter(|(place, _)| !is_bad(place)) {
        expected[place % 3 * 2 % 3] += 1;
        let stored: Parcel = db.repository::<Parcel>().get(&row.id).await.unwrap().unwrap();
        assert_eq!(serde_json::to_string(&stored).unwrap(), serde_json::to_string(row).unwrap());
    }
    assert_eq!((counts(report), report.total()), (expected, rows.len() as u64));
    // What is bad is as it was.
    for (place, _) in &planned {
        let stored = db.repository::<Parcel>().get(&rows[*place].id).await.unwrap();
        assert_eq!(stored.map(|row| row.amount), there(rows[*place].id).then_some(if place % 3 == 1 { 1 } else { 7 }));
    }
}

#[pgrepo::test]
async fn bad_rows_of_a_merge_are_told_apart_whether_they_are_there_or_not(db: Db) {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Trigger).collect();
    set_up(&db).await;
    for (size, bad, batch) in [(300, 40, 7), (3_000, 140, 20_000)] {
        compare(&db, size, bad, &kinds, batch).await;
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();
    }
}

#[pgrepo::test]
async fn a_merge_s_good_rows_are_stored_with_each_sort_of_bad_one(db: Db) {
    set_up(&db).await;
    db.execute_script(TRIGGER).await.unwrap();
    for kind in Kind::ALL {
        let mut rows: Vec<Parcel> = (0..20).map(parcel).collect();
        let good = rows[0].clone();
        kind.spoil(&mut rows[13], &good);
        let (report, rejects) = db.repository::<Parcel>().merge(&rows).tolerant().collect().await.unwrap();
        assert_eq!((counts(report), indices(&rejects)), ([19, 0, 0, 0, 1, 0], vec![13]), "{kind:?}");
        kind.check(&rejects[0]);
        let (report, _) = db.repository::<Parcel>().merge(&rows).tolerant().collect().await.unwrap();
        assert_eq!(counts(report), [0, 0, 19, 0, 1, 0], "{kind:?}");
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();
    }
}

#[derive(Debug, Clone, PartialEq, PgTable, serde::Serialize)]
#[pg(table = "item", new = "NewItem", unique = "sku")]
struct Item {
    #[pg(primary_key, identity)]
    id: i64,
    sku: String,
    price: i32,
}

const ITEMS: &str = "CREATE TABLE item (id int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY, sku text NOT NULL UNIQUE, \
                     price int4 NOT NULL CHECK (price > 0)); INSERT INTO item (sku, price) VALUES ('a', 1), ('b', 2)";

fn item(sku: &str, price: i32) -> NewItem {
    NewItem { sku: sku.to_owned(), price }
}

async fn prices(db: &Db) -> Vec<(String, i32)> {
    db.query("SELECT sku, price FROM item ORDER BY sku").fetch_all().await.unwrap()
}

#[pgrepo::test]
async fn rows_with_the_same_key_are_rejected_or_duplicates(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    let items = db.repository::<Item>();
    let rows = || vec![item("a", 5), item("c", 1), item("a", 6), item("a", 7), item("d", 0)];
    let (report, rejects) = items.merge_on(Item::UNIQUE_SKU, rows()).tolerant().collect().await.unwrap();
    assert_eq!((counts(report), indices(&rejects)), ([1, 1, 0, 0, 3, 0], vec![2, 3, 4]), "{rejects:?}");
    let error = rejects[1].error.to_string();
    assert!(error.contains("row 2 (counted from 0) has the same key (sku)") && error.contains("row 3"), "{error}");
    assert_eq!(rejects[1].row.as_ref().map(|row| row.price), Some(7));
    assert_eq!(prices(&db).await, [("a".into(), 5), ("b".into(), 2), ("c".into(), 1)]);
    let merge = items.merge_on(Item::UNIQUE_SKU, rows()).duplicates(Duplicates::LastWins);
    let (report, rejects) = merge.tolerant().collect().await.unwrap();
    assert_eq!((counts(report), indices(&rejects)), ([0, 1, 1, 2, 1, 0], vec![4]), "{rejects:?}");
    assert_eq!(prices(&db).await[0], ("a".into(), 7));
    let error = items.merge_on(Item::UNIQUE_SKU, rows()).tolerant().max_rejects(1).collect().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Copy && error.to_string().contains("more than 1 rows were rejected"), "{error}");
    assert_eq!(prices(&db).await[0], ("a".into(), 7), "nothing is stored over the budget");
}

#[pgrepo::test]
async fn updates_by_a_unique_set_hand_back_bad_rows_and_count_missing_ones(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    let items = db.repository::<Item>();
    let rows = [item("a", 5), item("z", 1), item("b", 0), item("\0", 1)];
    let error = items.update_many_on(Item::UNIQUE_SKU, &rows[..3]).execute().await.unwrap_err();
    assert_eq!((error.constraint(), error.operation()), (Some("item_price_check"), Some("update_many_on")), "{error}");
    let (report, rejects) = items.update_many_on(Item::UNIQUE_SKU, &rows).tolerant().collect().await.unwrap();
    assert_eq!((counts(report), indices(&rejects)), ([0, 1, 0, 0, 2, 1], vec![2, 3]), "{rejects:?}");
    assert_eq!(prices(&db).await, [("a".into(), 5), ("b".into(), 2)]);
    let updates = items.update_many_stream_on(Item::UNIQUE_SKU, stream::iter([item("b", 3)]));
    let updated = updates.fetch_all().await.unwrap();
    assert_eq!(updated[0].as_ref().map(|merged| merged.row.clone()), Some(Item { id: 2, sku: "b".into(), price: 3 }));
    let updates = stream::iter([Ok::<_, pgrepo::Error>(item("b", 4))]);
    assert_eq!(items.update_many_try_stream_on(Item::UNIQUE_SKU, updates).execute().await.unwrap().updated, 1);
}

#[pgrepo::test]
async fn a_transaction_goes_on_behind_a_merge_with_rejects(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO item (sku, price) VALUES ('mine', 1)").execute().await.unwrap();
    let source = || {
        let rows = [Ok(item("a", 9)), Err(RowError::new("no number").at_line(2)), Ok(item("e", 0))];
        stream::iter(rows.into_iter().map(|row| row.map_err(pgrepo::SourceError::from)))
    };
    let merge = tx.repository::<Item>().merge_try_stream_on(Item::UNIQUE_SKU, source()).tolerant();
    let error = merge.max_rejects(1).collect().await.unwrap_err();
    assert!(error.to_string().contains("more than 1 rows were rejected"), "{error}");
    let mut told = Vec::new();
    let merge = tx.repository::<Item>().merge_try_stream_on(Item::UNIQUE_SKU, source()).tolerant();
    let take = |reject: Rejected<NewItem>| {
        told.push(reject.index);
        Ok::<_, std::io::Error>(())
    };
    let report = merge.to_sink(take).await.unwrap();
    assert_eq!((counts(report), told), ([0, 1, 0, 0, 2, 0], vec![1, 2]));
    let merge = tx.repository::<Item>().merge_on(Item::UNIQUE_SKU, [Item { id: 0, sku: "f".into(), price: 0 }]);
    assert_eq!(counts(merge.tolerant().to_table("rejects").await.unwrap()), [0, 0, 0, 0, 1, 0]);
    tx.commit().await.unwrap();
    assert_eq!(prices(&db).await, [("a".into(), 9), ("b".into(), 2), ("mine".into(), 1)]);
    let written: Vec<(String, String, String)> =
        db.query("SELECT table_name, sqlstate, document ->> 'sku' FROM rejects").fetch_all().await.unwrap();
    assert_eq!(written, [("item".into(), "23514".into(), "f".into())]);
}

#[pgrepo::test]
async fn a_policy_s_refusal_is_a_reject_and_what_a_trigger_leaves_out_is_none(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    db.execute_script(
        "ALTER TABLE item ENABLE ROW LEVEL SECURITY; ALTER TABLE item FORCE ROW LEVEL SECURITY; \
         CREATE POLICY cheap ON item USING (true) WITH CHECK (price < 100)",
    )
    .await
    .unwrap();
    let role = db.query("SELECT current_database()").fetch_one::<String>().await.unwrap() + "_merger";
    db.execute_script(&format!("CREATE ROLE \"{role}\"; GRANT ALL ON item TO \"{role}\"")).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute_script(&format!("SET LOCAL ROLE \"{role}\"")).await.unwrap();
    let rows = [item("a", 500), item("b", 50), item("c", 200), item("d", 20)];
    let merge = tx.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows).tolerant();
    let (report, rejects) = merge.collect().await.unwrap();
    assert_eq!((counts(report), indices(&rejects)), ([1, 1, 0, 0, 2, 0], vec![0, 2]), "{rejects:?}");
    assert_eq!(rejects[0].sqlstate().unwrap().as_str(), "42501");
    tx.rollback().await.unwrap();
    db.execute_script(&format!(
        "ALTER TABLE item NO FORCE ROW LEVEL SECURITY; ALTER TABLE item DISABLE ROW LEVEL SECURITY; \
         DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"; \
         CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER leave BEFORE INSERT ON item FOR EACH ROW WHEN (NEW.price = 42) EXECUTE FUNCTION leave()"
    ))
    .await
    .unwrap();
    let merge = db.repository::<Item>().merge_on(Item::UNIQUE_SKU, [item("c", 0), item("x", 42)]).tolerant();
    let error = merge.collect().await.unwrap_err();
    assert!(error.to_string().contains("a trigger leaves it out") && error.row() == Some(1), "{error}");
    assert_eq!(prices(&db).await, [("a".into(), 1), ("b".into(), 2)]);
}

/// Of each row what became of it, in the order in which they came: with keys that the server made.
#[pgrepo::test]
async fn each_row_comes_back_or_is_a_reject(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    use MergeOutcome::{Duplicate, Inserted, Unchanged, Updated};
    let rows = [
        item("x", 0),
        item("a", 1),
        item("y", 7),
        item("y", 8),
        item("b", 0),
        item("too\0bad", 1),
        item("b", 9),
        item("z", 3),
        item("w", 0),
    ];
    let expected = [
        None,
        Some(("a".to_owned(), 1, Unchanged)),
        Some(("y".to_owned(), 8, Duplicate)),
        Some(("y".to_owned(), 8, Inserted)),
        Some(("b".to_owned(), 9, Duplicate)),
        None,
        Some(("b".to_owned(), 9, Updated)),
        Some(("z".to_owned(), 3, Inserted)),
        None,
    ];
    let told = |merged: &[Option<Merged<Item>>]| -> Vec<_> {
        merged.iter().map(|one| one.as_ref().map(|one| (one.row.sku.clone(), one.row.price, one.outcome))).collect()
    };
    let mut tx = db.begin().await.unwrap();
    let merge = tx.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows).duplicates(Duplicates::LastWins);
    let (merged, rejects) = merge.tolerant().batch_rows(2).fetch_all().await.unwrap();
    assert_eq!((told(&merged), indices(&rejects)), (expected.to_vec(), vec![0, 5, 8]), "{rejects:?}");
    tx.rollback().await.unwrap();
    let merge = db.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows).duplicates(Duplicates::LastWins);
    let (merged, rejects) = merge.tolerant().fetch_all().await.unwrap();
    assert_eq!((told(&merged), indices(&rejects)), (expected.to_vec(), vec![0, 5, 8]), "{rejects:?}");
    let ids: Vec<(String, i64)> = db.query("SELECT sku, id FROM item").fetch_all().await.unwrap();
    for merged in merged.iter().flatten() {
        assert!(ids.iter().any(|(sku, id)| (sku, *id) == (&merged.row.sku, merged.row.id)));
    }
    // Where nothing is bad, and nothing is there.
    let (merged, rejects) =
        db.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows[6..8]).tolerant().fetch_all().await.unwrap();
    assert_eq!((told(&merged).iter().flatten().count(), rejects.len()), (2, 0));
}

/// The row that wins over another one of its key is bad: neither is stored, and the other one is no reject.
#[pgrepo::test]
async fn of_a_bad_winner_nothing_is_stored_and_its_loser_has_no_row(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    // Each key once in the table, and once not.
    for (which, rows) in [
        (Duplicates::LastWins, [item("a", 5), item("n", 5), item("g", 1), item("a", 0), item("n", 0)]),
        (Duplicates::FirstWins, [item("a", 0), item("n", 0), item("g", 1), item("a", 5), item("n", 5)]),
    ] {
        let mut tx = db.begin().await.unwrap();
        let merge = tx.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows).duplicates(which).tolerant();
        let (merged, rejects) = merge.fetch_all().await.unwrap();
        let told: Vec<_> =
            merged.iter().map(|one| one.as_ref().map(|one| (&*one.row.sku, one.row.price, one.outcome))).collect();
        let (a, g) = (Some(("a", 1, MergeOutcome::Duplicate)), Some(("g", 1, MergeOutcome::Inserted)));
        match which {
            Duplicates::LastWins => assert_eq!((told, indices(&rejects)), (vec![a, None, g, None, None], vec![3, 4])),
            _ => assert_eq!((told, indices(&rejects)), (vec![None, None, g, a, None], vec![0, 1])),
        }
        tx.rollback().await.unwrap();
    }
}

/// Of updates those that are not there are none, and no rejects.
#[pgrepo::test]
async fn updates_that_are_told_row_by_row(db: Db) {
    db.execute_script(ITEMS).await.unwrap();
    let rows = [item("b", 9), item("x", 1), item("a", 0)];
    let update = db.repository::<Item>().update_many_on(Item::UNIQUE_SKU, &rows).tolerant();
    let (merged, rejects) = update.fetch_all().await.unwrap();
    let told: Vec<_> = merged.iter().map(|one| one.as_ref().map(|one| one.row.price)).collect();
    assert_eq!((told, indices(&rejects)), (vec![Some(9), None, None], vec![2]));
    assert_eq!(prices(&db).await, [("a".into(), 1), ("b".into(), 9)]);
}

/// Merges of the same rows at once, with bad rows among them and without: none is ended by the server.
#[pgrepo::test]
async fn merges_with_and_without_bad_rows_at_once_end_in_no_deadlock(db: TestDatabase) {
    let ours = pool(&db.url(), "merges", 6).await;
    ours.execute_script(ITEMS).await.unwrap();
    let tasks = (1..=6_i32).map(|task| {
        let ours = &ours;
        async move {
            for round in 0..20 {
                let bad = |nth: i32| task <= 4 && nth % 10 == task;
                let price = |nth: i32| if bad(nth) { 0 } else { 1 + round };
                let mut rows: Vec<NewItem> =
                    (0..40).map(|nth| item(&format!("s{}", nth + round), price(nth))).collect();
                rows.rotate_left(usize::try_from(task * 7 + round).unwrap() % 40);
                let merge = ours.repository::<Item>().merge_on(Item::UNIQUE_SKU, &rows);
                let (total, rejected) = match task <= 4 {
                    true => {
                        let (report, rejects) = merge.tolerant().collect().await.unwrap();
                        (report.total(), rejects.len())
                    }
                    false => (merge.execute().await.unwrap().total(), 0),
                };
                assert_eq!((total, rejected), (40, if task <= 4 { 4 } else { 0 }));
            }
        }
    });
    let all = tokio::time::timeout(LONG, futures_util::future::join_all(tasks));
    all.await.expect("each merge has its turn");
    let prices = prices(&ours).await;
    assert_eq!(prices.len(), 2 + 59);
    assert!(prices.iter().filter(|(sku, _)| sku.starts_with('s')).all(|(_, price)| *price > 0), "{prices:?}");
}
