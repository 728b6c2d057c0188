use pgrepo::{Db, ErrorKind, Set};

use super::*;

#[pgrepo::test(sql = "")]
async fn a_row_is_inserted_or_updated_on_a_unique_set(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.upsert_on(User::UNIQUE_EMAIL, new("ann")).await.unwrap();
    assert!(ann.inserted && ann.row.id == 1 && ann.row.org == 7);
    users.patch(1, [User::ORG.set(8)]).await.unwrap();
    let again = users.upsert_on(User::UNIQUE_EMAIL, NewUser { mood: None, ..new("ann") }).await.unwrap();
    assert!(!again.inserted);
    assert_eq!(again.row, User { mood: None, org: 8, ..ann.row.clone() }, "what is left to the server keeps its value");
    let by_name = NewUser { email: "anna".into(), org: Set::To(8), ..new("ann") };
    let named = users.upsert_on(User::UNIQUE_ORG_NA_ME, by_name).await.unwrap();
    assert_eq!((named.inserted, named.row.id, &*named.row.email), (false, 1, "anna"));
    let other = users.upsert_on(User::UNIQUE_ORG_NA_ME, NewUser { org: Set::To(9), ..new("anna") }).await.unwrap_err();
    assert!(other.is_unique_violation(), "another conflict is an error: {other:?}");
    let left = users.upsert_on(User::UNIQUE_ORG_NA_ME, new("x")).await.unwrap_err();
    assert_eq!((left.kind(), left.column()), (ErrorKind::Mismatch, Some("org")), "{left}");
    let null = NewUser { org: Set::To(9), name: None, ..new("n1") };
    assert!(users.upsert_on(User::UNIQUE_ORG_NA_ME, null.clone()).await.unwrap().inserted);
    let null = NewUser { email: "n2".into(), ..null };
    assert!(users.upsert_on(User::UNIQUE_ORG_NA_ME, null).await.unwrap().inserted, "NULLs are not the same");
}

#[pgrepo::test(sql = "")]
async fn a_row_is_inserted_or_updated_by_its_key(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    db.execute_script(SEATS).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    let zoe = users.upsert(User { email: "zoe".into(), ..ann.clone() }).await.unwrap();
    assert_eq!((zoe.inserted, zoe.row.id, &*zoe.row.email), (false, 1, "zoe"));
    let five = users.upsert(User { id: 5, email: "five".into(), name: None, ..ann }).await.unwrap();
    assert_eq!((five.inserted, five.row.id), (true, 5), "its own number");
    let without = users.upsert(new("x")).await.unwrap_err();
    assert_eq!((without.kind(), without.column()), (ErrorKind::Mismatch, Some("id")), "{without}");

    let seats = db.repository::<Seat>();
    for (row, inserted) in [(1, true), (1, false), (500, true), (500, false)] {
        let done = seats.upsert(seat(row, "A", Some("x"))).await.unwrap();
        assert_eq!((done.inserted, done.row), (inserted, seat(row, "A", Some("x"))), "in a partition");
    }
    let mut tx = db.begin().await.unwrap();
    assert!(tx.repository::<Seat>().upsert(seat(2, "A", None)).await.unwrap().inserted);
    assert!(!tx.repository::<Seat>().upsert(seat(2, "A", None)).await.unwrap().inserted);
    tx.rollback().await.unwrap();
}

#[pgrepo::test(sql = "", flavor = "multi_thread")]
async fn of_many_at_once_exactly_one_inserts(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    for round in 0..20 {
        let name = format!("r{round}");
        let all = (0..8).map(|_| {
            let (db, name) = (db.clone(), name.clone());
            let row = NewUser { name: None, ..new(&name) };
            tokio::spawn(async move { db.repository::<User>().upsert_on(User::UNIQUE_EMAIL, row).await })
        });
        let all = futures_util::future::join_all(all).await;
        let inserted = all.into_iter().filter(|one| one.as_ref().unwrap().as_ref().unwrap().inserted).count();
        assert_eq!(inserted, 1);
    }
}

#[pgrepo::test(sql = "")]
async fn of_a_batch_the_new_rows_are_told(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    db.execute_script(SEATS).await.unwrap();
    let users = db.repository::<User>();
    users.insert(new("b")).await.unwrap();
    let batch = ["a", "b", "c", "a", "c", "d"].map(new);
    let told = users.insert_many_new_on(User::UNIQUE_EMAIL, batch).await.unwrap();
    assert_eq!(told, [true, false, true, false, false, true]);
    assert_eq!(users.all().fetch_all().await.unwrap().len(), 4);
    let null = |email: &str| NewUser { org: Set::To(1), name: None, ..new(email) };
    let told = users.insert_many_new_on(User::UNIQUE_ORG_NA_ME, [null("n1"), null("n2")]).await.unwrap();
    assert_eq!(told, [true, true], "NULLs are not the same");
    let none = users.insert_many_new_on(User::UNIQUE_EMAIL, Vec::<NewUser>::new()).await.unwrap();
    assert_eq!(none, [] as [bool; 0]);
    let without = users.insert_many_new([new("q")]).await.unwrap_err();
    assert_eq!((without.kind(), without.column()), (ErrorKind::Mismatch, Some("id")), "{without}");

    let seats = db.repository::<Seat>();
    let first = Some("first");
    let batch =
        [seat(1, "A", first), seat(1, "A", None), seat(200, "B", first), seat(1, "B", first), seat(200, "B", None)];
    assert_eq!(seats.insert_many_new(&batch).await.unwrap(), [true, false, true, true, false]);
    let all = seats.all().fetch_all().await.unwrap();
    assert!(all.iter().all(|s| s.who.as_deref() == first), "the first wins: {all:?}");
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.repository::<Seat>().insert_many_new(&batch).await.unwrap(), [false; 5]);
    let many: Vec<Seat> = (0..5_000).map(|i| seat(i / 2, "A", None)).collect();
    let told = tx.repository::<Seat>().insert_many_new(&many).await.unwrap();
    assert!(told.iter().enumerate().all(|(i, new)| *new == (i % 2 == 0 && i / 2 != 1)));
}
