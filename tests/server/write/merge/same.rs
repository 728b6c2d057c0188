//! A merge does what a hand-written statement does, whatever the rows.

use super::*;
use crate::support::Rng;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "merged", unique = "a, b")]
struct Thing {
    #[pg(primary_key, identity)]
    id: i64,
    a: i32,
    b: String,
    x: Option<i32>,
    y: Option<String>,
    #[pg(default)]
    z: i32,
}

const THINGS: &str = "CREATE TABLE merged (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int4 NOT NULL, b text NOT NULL, \
    x int4, y text, z int4 NOT NULL DEFAULT 3, UNIQUE (b, a)); CREATE TABLE by_hand (LIKE merged INCLUDING ALL)";

fn things(rng: &mut Rng) -> Vec<Thing> {
    let keys = 1 + rng.below(12);
    (0..rng.below(40))
        .map(|_| Thing {
            id: 0,
            a: i32::try_from(rng.below(keys)).unwrap(),
            b: ["", "b", "é\"'"][rng.below(3)].into(),
            x: [None, Some(1), Some(2)][rng.below(3)],
            y: [None, Some(""), Some("y")][rng.below(3)].map(Into::into),
            z: i32::try_from(rng.below(2)).unwrap(),
        })
        .collect()
}

/// Row by row: `INSERT … ON CONFLICT`, with a condition that leaves unchanged rows unwritten.
async fn by_hand(db: &Db, rows: &[Thing], all: bool, none: bool) {
    let set = match (all, none) {
        (_, true) => "DO NOTHING",
        (true, _) => "DO UPDATE SET x = excluded.x, y = excluded.y, z = excluded.z",
        _ => "DO UPDATE SET y = excluded.y",
    };
    let sql = format!("INSERT INTO by_hand (a, b, x, y, z) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (a, b) {set}");
    for row in rows {
        let query = db.query(&*sql).bind(row.a).bind(&*row.b).bind(row.x).bind(row.y.as_deref()).bind(row.z);
        query.execute().await.unwrap();
    }
}

async fn contents(db: &Db, table: &str) -> Vec<(i32, String, Option<i32>, Option<String>, i32)> {
    db.query(format!("SELECT a, b, x, y, z FROM {table} ORDER BY a, b COLLATE \"C\"")).fetch_all().await.unwrap()
}

/// Those of the rows that are stored where duplicates are allowed.
fn winners(rows: &[Thing], last: bool) -> Vec<Thing> {
    let same = |a: &Thing, b: &Thing| (a.a, &a.b) == (b.a, &b.b);
    let wins = |i: usize| match last {
        true => !rows[i + 1..].iter().any(|row| same(row, &rows[i])),
        false => !rows[..i].iter().any(|row| same(row, &rows[i])),
    };
    (0..rows.len()).filter(|i| wins(*i)).map(|i| rows[i].clone()).collect()
}

#[pgrepo::test(sql = "")]
async fn random_batches_end_as_by_hand(db: Db) {
    db.execute_script(THINGS).await.unwrap();
    let merged = db.repository::<Thing>();
    let mut rng = Rng(0x6e4f);
    let (mut refused, mut all_counts) = (0, [0; 5]);
    for round in 0..150 {
        if round % 15 == 0 {
            db.execute_script("TRUNCATE merged, by_hand").await.unwrap();
        }
        let rows = things(&mut rng);
        let (which, last) =
            [(Duplicates::FirstWins, false), (Duplicates::LastWins, true), (Duplicates::Refuse, false)][rng.below(3)];
        let (all, none) = [(true, false), (true, false), (false, false), (false, true)][rng.below(4)];
        let stored = winners(&rows, last);
        let before = contents(&db, "merged").await;
        let mut merge = merged.merge_on(Thing::UNIQUE_A_B, &rows).duplicates(which);
        if none {
            merge = merge.update_none();
        } else if !all {
            merge = merge.update(Thing::Y);
        }
        if which == Duplicates::Refuse && stored.len() < rows.len() {
            let error = merge.execute().await.unwrap_err();
            let second = usize::try_from(error.row().unwrap()).unwrap();
            let first = |i: usize| (0..i).find(|j| (rows[*j].a, &rows[*j].b) == (rows[i].a, &rows[i].b));
            assert_eq!((0..rows.len()).find(|i| first(*i).is_some()), Some(second));
            assert_eq!(contents(&db, "merged").await, before);
            refused += 1;
            continue;
        }
        let mut counted = [0; 5];
        if round % 2 == 0 {
            counted = counts(merge.execute().await.unwrap());
        } else {
            let told = merge.fetch_all().await.unwrap();
            assert_eq!(told.len(), rows.len());
            for (told, row) in told.iter().zip(&rows) {
                assert_eq!((told.row.a, &told.row.b), (row.a, &row.b));
                assert_eq!(merged.get(told.row.id).await.unwrap().unwrap(), told.row);
                match told.outcome {
                    MergeOutcome::Inserted => counted[0] += 1,
                    MergeOutcome::Updated => counted[1] += 1,
                    MergeOutcome::Unchanged => counted[2] += 1,
                    MergeOutcome::Duplicate => counted[3] += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        by_hand(&db, &stored, all, none).await;
        let now = contents(&db, "merged").await;
        assert_eq!(now, contents(&db, "by_hand").await, "round {round}: {rows:?}");
        let changed = before.iter().filter(|row| !now.contains(row)).count();
        let wanted = [now.len() - before.len(), changed, 0, rows.len() - stored.len(), 0].map(|n| n as u64);
        let unchanged = stored.len() as u64 - wanted[0] - wanted[1];
        assert_eq!(counted, [wanted[0], wanted[1], unchanged, wanted[3], 0], "round {round}");
        for (sum, count) in all_counts.iter_mut().zip(counted) {
            *sum += count;
        }
    }
    assert!(refused > 10 && all_counts[..4].iter().all(|sum| *sum > 100), "{refused} refused, {all_counts:?}");
}
