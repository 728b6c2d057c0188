use pgrepo::{Db, ErrorKind};

use super::*;

const SCHEMA: &str = "te\"n ant";

#[pgrepo::test(sql = "")]
async fn everything_works_in_another_schema(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let other = TABLE.replace(
        "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN short AS text CHECK (length(value) < 10); ",
        "",
    );
    let other = other.replace("TABLE users", "TABLE \"te\"\"n ant\".users");
    db.execute_script(&format!(
        "CREATE SCHEMA \"te\"\"n ant\"; {other}; {}",
        SEATS.replace("seats", "\"te\"\"n ant\".seats")
    ))
    .await
    .unwrap();
    let here = db.repository::<User>();
    let users = here.in_schema(SCHEMA);
    assert_eq!(users.all().sql().split(" FROM ").nth(1), Some(r#""te""n ant"."users""#));
    assert_eq!(users.copy_in(["a", "b"].map(new)).await.unwrap().rows, 2);
    let mut out = users.copy_out().await.unwrap();
    assert_eq!(out.next().await.unwrap().unwrap().email, "a");
    drop(out);
    assert_eq!(users.find(User::EMAIL.eq("b")).fetch_one().await.unwrap().id, 2);
    assert_eq!(users.get(1).await.unwrap().unwrap().email, "a");
    assert_eq!(users.insert(new("c")).await.unwrap().id, 3);
    assert_eq!(users.insert_new(new("c")).await.unwrap(), None);
    assert_eq!(users.insert_many(["d", "e"].map(new)).await.unwrap(), 2);
    assert_eq!(users.insert_many((0..300).map(|i| new(&i.to_string()))).await.unwrap(), 300);
    assert_eq!(users.insert_many_new_on(User::UNIQUE_EMAIL, ["d", "f"].map(new)).await.unwrap(), [false, true]);
    assert!(!users.upsert_on(User::UNIQUE_EMAIL, new("a")).await.unwrap().inserted);
    assert_eq!(users.get_many([2, 1]).await.unwrap()[0].as_ref().unwrap().email, "b");
    let a = users.get(1).await.unwrap().unwrap();
    assert!(!users.upsert(&a).await.unwrap().inserted);
    assert!(users.update(&a).await.unwrap().is_some());
    assert!(users.patch(1, [User::MOOD.set(None)]).await.unwrap());
    assert_eq!(users.update_where(User::ID.le(2)).set(User::ORG.set(1)).execute().await.unwrap(), 2);
    assert_eq!(users.delete_where(User::ID.le(2)).execute().await.unwrap(), 2);
    assert!(users.delete(3).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.repository::<Seat>().in_schema(SCHEMA).insert_many([seat(1, "A", None)]).await.unwrap(), 1);
    assert!(tx.repository::<Seat>().in_schema(SCHEMA).get((1, "A")).await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert_eq!(here.all().fetch_all().await.unwrap(), [], "the struct's own table is as it was");
    let error = users.insert(new("d")).await.unwrap_err();
    assert_eq!(error.table(), Some("te\"n ant.users"), "{error}");
    let missing = here.in_schema("nowhere").insert_many([new("x")]).await.unwrap_err();
    assert_eq!((missing.kind(), missing.table()), (ErrorKind::Mismatch, Some("nowhere.users")), "{missing:?}");
}

#[pgrepo::test(sql = "")]
async fn a_schema_that_cannot_be_named_is_refused_before_anything_is_sent(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let long = "x".repeat(64);
    for (name, why) in [("", "is empty"), ("a\0b", "NUL"), (&*long, "63 bytes")] {
        let mut tx = db.begin().await.unwrap();
        let mut errors = vec![
            tx.repository::<User>().in_schema(name).copy_in([new("a")]).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).find(User::ID.eq(1)).fetch_all().await.unwrap_err(),
            tx.repository::<User>().in_schema(name).get(1).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).insert(new("a")).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).insert_many([new("a")]).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).get_many([1]).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).upsert_on(User::UNIQUE_EMAIL, new("a")).await.unwrap_err(),
            tx.repository::<User>().in_schema(name).delete_where(User::ID.eq(1)).execute().await.unwrap_err(),
        ];
        errors.extend(tx.repository::<User>().in_schema(name).copy_out().await.err());
        assert_eq!(errors.len(), 9);
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
            assert!(error.to_string().contains(why), "{error}");
        }
        // Nothing was sent: the transaction is as it was.
        tx.repository::<User>().insert(new("a")).await.unwrap();
        tx.rollback().await.unwrap();
    }
}
