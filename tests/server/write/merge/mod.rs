//! Merges: what is inserted, updated and left alone.

mod concurrent;
mod deleted;
mod effects;
mod refused;
mod same;
mod secured;
mod shapes;
mod sources;

use std::collections::BTreeMap;

use futures_util::stream;
use pgrepo::{Db, Duplicates, Filter, MergeOutcome, MergeReport, PgInsert, PgTable, Set};

use super::*;

/// A report's counts: inserted, updated, unchanged, duplicates, missing.
fn counts(report: MergeReport) -> [u64; 5] {
    [report.inserted, report.updated, report.unchanged, report.duplicates, report.missing]
}

/// The rows of a table by their keys, with the transactions that wrote them.
async fn written(db: &Db, table: &str, key: &str) -> BTreeMap<String, String> {
    let sql = format!("SELECT {key}::text, xmin::text FROM {table}");
    db.query(sql).fetch_all::<(String, String)>().await.unwrap().into_iter().collect()
}

#[pgrepo::test(sql = "")]
async fn rows_are_inserted_updated_or_left_alone(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    let seats = db.repository::<Seat>();
    seats.insert_many([seat(1, "A", Some("ann")), seat(1, "B", None), seat(200, "A", Some("bo"))]).await.unwrap();
    let before = written(&db, "seats", "(row, letter)").await;
    let batch = [
        seat(300, "C", Some("new")),
        seat(1, "A", Some("ann")),
        seat(1, "B", Some("now")),
        seat(200, "A", None),
        seat(2, "A", None),
    ];
    assert_eq!(counts(seats.merge(&batch).execute().await.unwrap()), [2, 2, 1, 0, 0]);
    let after = written(&db, "seats", "(row, letter)").await;
    assert_eq!(before["(1,A)"], after["(1,A)"], "an unchanged row is not written");
    assert!(before["(1,B)"] != after["(1,B)"] && before["(200,A)"] != after["(200,A)"]);
    let mut all = seats.all().fetch_all().await.unwrap();
    all.sort_by_key(|s| (s.row, s.letter.clone()));
    let mut wanted = batch.to_vec();
    wanted.sort_by_key(|s| (s.row, s.letter.clone()));
    assert_eq!(all, wanted);
    assert_eq!(counts(seats.merge(&batch).execute().await.unwrap()), [0, 0, 5, 0, 0]);
    assert_eq!(after, written(&db, "seats", "(row, letter)").await);
    assert_eq!(counts(seats.merge([] as [Seat; 0]).execute().await.unwrap()), [0; 5]);
    assert_eq!(seats.merge([] as [Seat; 0]).fetch_all().await.unwrap(), []);
    assert_eq!(seats.merge_stream(stream::iter(&batch)).execute().await.unwrap().unchanged, 5);
    let temporary: i64 =
        db.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'pgrepo: %'").fetch_val().await.unwrap();
    assert_eq!(temporary, 0, "no table of a merge is left");
}

#[pgrepo::test(sql = "")]
async fn each_row_comes_back_as_it_is_stored_with_its_outcome(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    let bo = users.insert(NewUser { org: Set::To(3), ..new("bo") }).await.unwrap();
    let batch = [
        NewUser { name: Some("x".into()), ..new("zoe") },
        new("ann"),
        NewUser { mood: Some(Mood::Sad), ..new("bo") },
        new("cy"),
        NewUser { name: Some("y".into()), ..new("zoe") },
    ];
    let merge = || users.merge_on(User::UNIQUE_EMAIL, batch.clone()).duplicates(Duplicates::FirstWins);
    let merged = merge().fetch_all().await.unwrap();
    let outcomes: Vec<MergeOutcome> = merged.iter().map(|m| m.outcome).collect();
    use MergeOutcome::{Duplicate, Inserted, Unchanged, Updated};
    assert_eq!(outcomes, [Inserted, Unchanged, Updated, Inserted, Duplicate]);
    assert_eq!(merged[1].row, ann);
    assert_eq!(merged[2].row, User { mood: Some(Mood::Sad), ..bo }, "the default of a row that is there is kept");
    let zoe = &merged[0].row;
    assert_eq!((zoe.org, zoe.initials.as_deref(), zoe.name.as_deref()), (7, Some("Z"), Some("x")));
    assert_eq!(merged[4].row, *zoe, "a duplicate has the row that won");
    for m in &merged {
        assert_eq!(users.get(m.row.id).await.unwrap().unwrap(), m.row);
    }
    assert_eq!(users.all().count().await.unwrap(), 4);
    let again = merge().fetch_all().await.unwrap();
    assert!(again[..4].iter().all(|m| m.outcome == Unchanged), "{again:?}");
}

#[pgrepo::test(sql = "CREATE TABLE seats (row int4, letter text, who text, PRIMARY KEY (row, letter))")]
async fn of_rows_with_the_same_key_the_caller_says_which_wins(db: Db) {
    let seats = db.repository::<Seat>();
    seats.insert(seat(2, "A", Some("old"))).await.unwrap();
    let batch = [
        seat(1, "A", Some("1")),
        seat(2, "A", Some("2")),
        seat(1, "A", Some("3")),
        seat(2, "A", Some("4")),
        seat(1, "A", Some("5")),
    ];
    let error = seats.merge(&batch).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.row(), error.operation()), (pgrepo::ErrorKind::Copy, Some(2), Some("merge")));
    let told = error.to_string();
    assert!(told.contains("rows 0 and 2 (counted from 0) have the same key (row, letter)"), "{told}");
    assert!(told.contains("nothing is stored") && !error.is_retryable(), "{told}");
    assert_eq!(seats.all().count().await.unwrap(), 1);
    for (which, one, two) in [(Duplicates::FirstWins, "1", "2"), (Duplicates::LastWins, "5", "4")] {
        seats.delete_where(Filter::all()).execute().await.unwrap();
        seats.insert(seat(2, "A", Some("old"))).await.unwrap();
        assert_eq!(counts(seats.merge(&batch).duplicates(which).execute().await.unwrap()), [1, 1, 0, 3, 0]);
        assert_eq!(seats.get((1, "A")).await.unwrap().unwrap().who.as_deref(), Some(one));
        assert_eq!(seats.get((2, "A")).await.unwrap().unwrap().who.as_deref(), Some(two));
        let merged = seats.merge(&batch).duplicates(which).fetch_all().await.unwrap();
        assert!(merged.iter().all(|m| m.row.who.as_deref() == Some(if m.row.row == 1 { one } else { two })));
        let won = if which == Duplicates::FirstWins { [0, 1] } else { [3, 4] };
        for (i, m) in merged.iter().enumerate() {
            assert_eq!(m.outcome == MergeOutcome::Unchanged, won.contains(&i), "{i}: {m:?}");
        }
    }
}

#[pgrepo::test(sql = "")]
async fn some_columns_all_or_none_are_updated(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    let other = NewUser {
        mood: Some(Mood::Sad),
        org: Set::To(9),
        name: Some("other".into()),
        tags: Set::To(Vec::new()),
        ..new("ann")
    };
    let batch = || [other.clone(), NewUser { email: "zed".into(), org: Set::To(1), ..other.clone() }];
    let report = users.merge_on(User::UNIQUE_EMAIL, batch()).update_none().execute().await.unwrap();
    assert_eq!(counts(report), [1, 0, 1, 0, 0]);
    assert_eq!(users.get(1).await.unwrap().unwrap(), ann);
    let merge = users.merge_on(User::UNIQUE_EMAIL, batch()).update(User::MOOD).update(User::TAGS).update(User::MOOD);
    assert_eq!(counts(merge.execute().await.unwrap()), [0, 1, 1, 0, 0]);
    let now = users.get(1).await.unwrap().unwrap();
    assert_eq!(now, User { mood: Some(Mood::Sad), tags: Vec::new(), ..ann.clone() });
    let report = users.merge_on(User::UNIQUE_EMAIL, batch()).execute().await.unwrap();
    assert_eq!(counts(report), [0, 1, 1, 0, 0]);
    let now = users.get(1).await.unwrap().unwrap();
    assert_eq!((now.id, now.org, now.name.as_deref()), (1, 9, Some("other")), "all but the keys");
    // By a set of two columns, one of which has a hostile name.
    let by_name = NewUser { email: "renamed".into(), ..other.clone() };
    let report = users.merge_on(User::UNIQUE_ORG_NA_ME, [by_name]).execute().await.unwrap();
    assert_eq!(counts(report), [0, 1, 0, 0, 0]);
    assert_eq!(users.get(1).await.unwrap().unwrap().email, "renamed");
}

#[derive(Debug, Clone, PgInsert)]
#[pg(of = Seat)]
struct Place<'a> {
    letter: &'a str,
    row: i32,
}

#[derive(Debug, Clone, PgInsert)]
#[pg(of = Seat)]
struct Sitter {
    who: Option<String>,
    letter: String,
    row: i32,
}

#[pgrepo::test(sql = "")]
async fn many_rows_are_updated_by_their_keys(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    let seats = db.repository::<Seat>();
    seats.insert_many([seat(1, "A", Some("ann")), seat(500, "B", None)]).await.unwrap();
    let batch = [seat(500, "B", Some("b")), seat(3, "C", Some("c")), seat(1, "A", Some("ann"))];
    assert_eq!(counts(seats.update_many(&batch).execute().await.unwrap()), [0, 1, 1, 0, 1]);
    assert_eq!(seats.all().count().await.unwrap(), 2);
    let twice = batch.iter().chain(&batch[1..2]);
    let back = seats.update_many(twice.clone()).duplicates(Duplicates::LastWins).fetch_all().await.unwrap();
    let back: Vec<_> = back.into_iter().map(|m| m.map(|m| (m.row, m.outcome))).collect();
    let unchanged = |i: usize| Some((batch[i].clone(), MergeOutcome::Unchanged));
    assert_eq!(back, [unchanged(0), None, unchanged(2), None]);
    let report = seats.update_many(twice).update(Seat::WHO).duplicates(Duplicates::LastWins).execute().await.unwrap();
    assert_eq!(counts(report), [0, 0, 2, 1, 1]);
    let some = [Sitter { who: None, letter: "A".into(), row: 1 }];
    assert_eq!(counts(seats.update_many(&some).execute().await.unwrap()), [0, 1, 0, 0, 0]);
    assert_eq!(seats.get((1, "A")).await.unwrap().unwrap(), seat(1, "A", None));
    // What the rows do not have is not updated, and gets its default where they are inserted.
    let places = [Place { letter: "B", row: 500 }, Place { letter: "B", row: 501 }];
    let merged = seats.merge(&places).fetch_all().await.unwrap();
    assert_eq!((merged[0].row.clone(), merged[0].outcome), (seat(500, "B", Some("b")), MergeOutcome::Unchanged));
    assert_eq!((merged[1].row.clone(), merged[1].outcome), (seat(501, "B", None), MergeOutcome::Inserted));
}
