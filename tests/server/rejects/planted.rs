//! A thousand bad rows of all kinds among a hundred thousand, compared with the plan row by row.

use std::time::{SystemTime, UNIX_EPOCH};

use pgrepo::{Commit, Db};

use super::{Kind, Parcel, TRIGGER, parcel, set_up};
use crate::support::Rng;

/// The rows, and what is wrong with which of them.
pub(super) fn plan(seed: u64, size: i64, bad: usize, kinds: &[Kind]) -> (Vec<Parcel>, Vec<(usize, Kind)>) {
    let mut rng = Rng(seed);
    let mut rows: Vec<Parcel> = (0..size).map(parcel).collect();
    let mut spoilt = vec![false; rows.len()];
    let mut places = Vec::new();
    while places.len() < bad {
        // The first one is good, so that there always is an earlier good one.
        let place = 1 + rng.below(rows.len() - 1);
        if !std::mem::replace(&mut spoilt[place], true) {
            places.push(place);
        }
    }
    places.sort_unstable();
    let mut planned = Vec::new();
    for (nth, place) in places.into_iter().enumerate() {
        let kind = kinds[nth % kinds.len()];
        // An earlier good row; for the exclusion one that has a slot, which every fiftieth has.
        let good = loop {
            let good = match kind {
                Kind::Exclusion => rng.below(place.div_ceil(50)) * 50,
                _ => rng.below(place),
            };
            if !spoilt[good] {
                break rows[good].clone();
            }
        };
        kind.spoil(&mut rows[place], &good);
        planned.push((place, kind));
    }
    (rows, planned)
}

pub(super) fn seed() -> u64 {
    let given = std::env::var("PGREPO_LOAD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    });
    println!("PGREPO_LOAD_SEED={seed}");
    seed
}

/// Loads a plan, and compares what became of each row.
async fn compare(db: &Db, seed: u64, (size, bad): (i64, usize), kinds: &[Kind], batch: usize, commit: Commit) {
    let (rows, planned) = plan(seed, size, bad, kinds);
    let load = db.repository::<Parcel>().load(rows.iter()).batch_rows(batch).commit(commit);
    let begun = std::time::Instant::now();
    let (report, rejects) = load.collect().await.unwrap();
    println!("{report:?} in {:?}", begun.elapsed());
    let found: Vec<usize> = rejects.iter().map(|reject| usize::try_from(reject.index).unwrap()).collect();
    assert_eq!(found, planned.iter().map(|(place, _)| *place).collect::<Vec<_>>());
    for ((place, kind), reject) in planned.iter().zip(&rejects) {
        assert_eq!(reject.row.map(|row| row.id), Some(rows[*place].id));
        kind.check(reject);
        assert_eq!(reject.error.operation(), Some("load"));
    }
    let is_bad = |place: &usize| planned.binary_search_by_key(place, |(bad, _)| *bad).is_ok();
    let good: Vec<&Parcel> = rows.iter().enumerate().filter(|(place, _)| !is_bad(place)).map(|(_, row)| row).collect();
    assert_eq!((report.rows, report.rejected), (good.len() as u64, planned.len() as u64));
    assert!(report.resent <= 4 * rows.len() as u64, "{report:?}");
    let there = db.query("SELECT * FROM parcel WHERE id >= 0 ORDER BY id").fetch_all::<Parcel>().await.unwrap();
    assert_eq!(there.len(), good.len());
    for (there, good) in there.iter().zip(good) {
        assert_eq!(serde_json::to_string(there).unwrap(), serde_json::to_string(good).unwrap());
    }
}

#[pgrepo::test]
async fn a_thousand_bad_rows_among_a_hundred_thousand_are_told_apart(db: Db) {
    set_up(&db).await;
    db.execute_script(TRIGGER).await.unwrap();
    compare(&db, seed(), (100_000, 1_000), &Kind::ALL, 10_000, Commit::Whole).await;
}

#[pgrepo::test]
async fn bad_rows_are_told_apart_in_batches_of_any_size(db: Db) {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Trigger).collect();
    let seed = seed();
    set_up(&db).await;
    for (batch, commit) in
        [(1, Commit::Whole), (7, Commit::EachBatch), (499, Commit::EachBatch), (5_000, Commit::Whole)]
    {
        let (size, bad) = if batch < 100 { (500, 60) } else { (5_000, 400) };
        compare(&db, seed, (size, bad), &kinds, batch, commit).await;
        db.execute_script("DELETE FROM parcel WHERE id >= 0").await.unwrap();
    }
}
