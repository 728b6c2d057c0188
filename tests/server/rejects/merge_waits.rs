//! Rows of a merge that wait for others: by what they refer to, or by a value that is unique besides the key.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, PgTable};

use super::merges::{counts, indices};
use crate::support::pool;

/// A row with a second unique column.
#[derive(Debug, Clone, PgTable)]
#[pg(table = "seat")]
struct Seat {
    #[pg(primary_key)]
    id: i32,
    code: i32,
    price: i32,
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "link")]
struct Link {
    #[pg(primary_key)]
    id: i32,
    next: Option<i32>,
    code: i32,
}

/// Rows that refer to each other are not in the way of one that is bad for another reason, nor it in theirs.
#[pgrepo::test]
async fn a_bad_row_takes_no_good_ones_along(db: Db) {
    db.execute_script(
        "CREATE TABLE link (id int PRIMARY KEY, next int REFERENCES link, code int NOT NULL UNIQUE); \
         CREATE TABLE other (link int REFERENCES link); INSERT INTO link VALUES (0, NULL, 1000)",
    )
    .await
    .unwrap();
    let links = db.repository::<Link>();
    // Each refers to the one behind it.
    let chain = |bad: i32| {
        (1..=60).map(move |id| Link {
            id,
            next: (id < 60 && id != bad && id != bad - 1).then_some(id + 1),
            code: if id == bad { 1000 } else { id },
        })
    };
    for bad in [1, 30, 60] {
        let (report, rejects) = links.merge(chain(bad)).tolerant().collect().await.unwrap();
        assert_eq!((report.inserted, indices(&rejects)), (59, vec![u64::try_from(bad - 1).unwrap()]), "{rejects:?}");
        db.execute_script("DELETE FROM link WHERE id > 0").await.unwrap();
    }
    links.copy_in(chain(0)).await.unwrap();
    db.execute_script("INSERT INTO other VALUES (0)").await.unwrap();
    let (report, rejects) = links.delete_many((0..=60).rev()).tolerant().collect().await.unwrap();
    assert_eq!((report.deleted, indices(&rejects)), (60, vec![60]), "{rejects:?}");
}

/// Two sets are unique, and merges wait for each other's values of the second one: one is told of a violation.
#[pgrepo::test(flavor = "multi_thread")]
async fn merges_of_tables_with_a_second_unique_set_end_in_no_deadlock(database: TestDatabase) {
    let db = pool(&database.url(), "seconds", 2).await;
    db.execute_script("CREATE TABLE seat (id int PRIMARY KEY, code int NOT NULL UNIQUE, price int NOT NULL)")
        .await
        .unwrap();
    let seat = |id, code| Seat { id, code, price: 1 };
    let mut refused = 0;
    for _ in 0..60 {
        let merge = |rows: [Seat; 2]| {
            let db = db.clone();
            tokio::spawn(async move { db.repository::<Seat>().merge(rows).execute().await })
        };
        let (one, other) = tokio::join!(merge([seat(1, 10), seat(3, 20)]), merge([seat(2, 20), seat(4, 10)]));
        for outcome in [one.unwrap(), other.unwrap()] {
            match outcome {
                Ok(report) => assert_eq!(report.inserted, 2),
                Err(error) => {
                    assert!(error.is_unique_violation(), "{error:?}");
                    refused += 1;
                }
            }
        }
        db.execute_script("DELETE FROM seat").await.unwrap();
    }
    assert_eq!(refused, 60, "one of two each time");
}

/// Two columns are unique, and a row takes what another one gives up: both are stored.
#[pgrepo::test]
async fn a_value_that_another_row_gives_up_is_free(db: Db) {
    db.execute_script(
        "CREATE TABLE seat (id int PRIMARY KEY, code int NOT NULL UNIQUE, price int NOT NULL CHECK (price > 0)); \
         INSERT INTO seat SELECT n, n, 1 FROM generate_series(1, 6) AS n",
    )
    .await
    .unwrap();
    let seat = |id, code, price| Seat { id, code, price };
    // 1 takes what 2 gives up, and that what 3 gives up, which takes a new one; 4 takes what nobody gives up; 5 is bad.
    let rows = [seat(1, 2, 2), seat(2, 3, 2), seat(3, 9, 2), seat(4, 6, 2), seat(5, 5, 0)];
    let (report, rejects) = db.repository::<Seat>().merge(&rows).tolerant().collect().await.unwrap();
    assert_eq!((counts(report), indices(&rejects)), ([0, 3, 0, 0, 2, 0], vec![3, 4]), "{rejects:?}");
    let codes: Vec<(i32, i32)> = db.query("SELECT id, code FROM seat ORDER BY id").fetch_all().await.unwrap();
    assert_eq!(codes, [(1, 2), (2, 3), (3, 9), (4, 4), (5, 5), (6, 6)]);
}
