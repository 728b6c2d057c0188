use pgrepo::{Db, ErrorKind, Statement};

use super::{stored, table};

fn insert<'q>(id: i64) -> Statement<'q> {
    Statement::new("INSERT INTO t VALUES ($1)").bind(id)
}

#[pgrepo::test]
async fn a_list_takes_effect_as_a_whole_or_not_at_all(db: Db) {
    table(&db).await;
    let list = [insert(1), insert(2), Statement::new("UPDATE t SET id = id + 10")];
    assert_eq!(db.execute_all(&list).await.unwrap(), [1, 1, 2]);
    assert_eq!(stored(&db).await, [11, 12]);
    let error = db.execute_all([insert(1), insert(11), insert(2)]).await.unwrap_err();
    assert!(error.is_unique_violation(), "{error:?}");
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Query, Some("execute_all")));
    assert!(error.to_string().contains("statement 2 of 3 failed"), "{error}");
    assert_eq!(stored(&db).await, [11, 12]);
    assert_eq!(db.execute_all::<Statement<'_>>([]).await.unwrap(), [0; 0]);
    // What would end the transaction or change the session is refused as everywhere.
    for sql in ["COMMIT", "SET search_path = nowhere"] {
        let error = db.execute_all([insert(1), Statement::new(sql)]).await.unwrap_err();
        assert!(error.to_string().contains("statement 2 of 2"), "{error}");
    }
    assert_eq!(stored(&db).await, [11, 12]);
}

#[pgrepo::test]
async fn a_list_with_an_outcome_each_keeps_what_succeeded(db: Db) {
    table(&db).await;
    let list = vec![
        insert(1),
        insert(1),
        Statement::new("INSERT INTO t VALUES ($1)").bind("text"),
        insert(2),
        Statement::new("SELECT 1 / 0"),
    ];
    let outcomes = db.execute_each(&list).await.unwrap();
    assert_eq!(outcomes.len(), 5);
    let codes: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(rows) => format!("{rows} row"),
            Err(error) => error.sqlstate().map_or(format!("{:?}", error.kind()), |s| s.to_string()),
        })
        .collect();
    assert_eq!(codes, ["1 row", "23505", "Mismatch", "1 row", "22012"]);
    assert_eq!(stored(&db).await, [1, 2]);
    assert!(db.execute_each::<Statement<'_>>([]).await.unwrap().is_empty());

    // In a transaction that goes on afterwards.
    let mut tx = db.begin().await.unwrap();
    let outcomes = tx.execute_each([insert(3), insert(3)]).await.unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1].is_err());
    tx.execute_all([insert(4)]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stored(&db).await, [1, 2, 3, 4]);

    // That the session is gone is no outcome of one.
    let end = Statement::new("SELECT pg_terminate_backend(pg_backend_pid())");
    let error = db.execute_each([insert(5), end, insert(6)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
    assert_eq!(stored(&db).await, [1, 2, 3, 4]);
}
