//! All derived tables of the program.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Contract, Db, PgTable, Snapshot, create_table_sql, verify_all};

#[derive(Debug, PgTable)]
#[pg(table = "b", schema = "program")]
struct B {
    n: i32,
}

#[derive(Debug, PgTable)]
#[pg(table = "a", schema = "program")]
struct A<'a> {
    n: &'a str,
}

#[derive(Debug, PgTable)]
#[pg(table = "c", schema = "program")]
struct Generic<T> {
    n: T,
}

fn ours(all: Vec<Contract>) -> Vec<(String, bool)> {
    let ours = all.into_iter().filter(|contract| contract.table().starts_with("program."));
    ours.map(|contract| (format!("{} {}", contract.table(), contract.rust_type()), contract.is_ok())).collect()
}

#[pgrepo::test]
async fn all_derived_tables_are_compared(test: TestDatabase) {
    #[derive(Debug, PgTable)]
    #[pg(table = "b", schema = "program")]
    struct Also {
        n: i64,
    }
    let db = Db::from_url(&test.url()).await.unwrap();
    let found = |a, b, also| {
        [("program.a A", a), ("program.b Also", also), ("program.b B", b)].map(|(name, ok)| (name.to_owned(), ok))
    };
    assert_eq!(ours(verify_all!(&db).await.unwrap()), found(false, false, false));
    db.execute_script(&format!("{}{}", create_table_sql::<A<'_>>(), create_table_sql::<B>())).await.unwrap();
    assert_eq!(ours(verify_all!(&db).await.unwrap()), found(true, true, false));
    let mut tx = db.begin().await.unwrap();
    tx.execute_script("ALTER TABLE program.b ALTER n TYPE int8").await.unwrap();
    assert_eq!(ours(verify_all!(&mut tx).await.unwrap()), found(true, false, true));
    tx.rollback().await.unwrap();

    // Those that are named, in their order, also with parameters.
    db.execute_script(&create_table_sql::<Generic<i32>>()).await.unwrap();
    let named = verify_all!(&db, Generic<i32>, Generic<String>, Also).await.unwrap();
    let expected = [("program.c Generic", true), ("program.c Generic", false), ("program.b Also", false)];
    assert_eq!(ours(named), expected.map(|(name, ok)| (name.to_owned(), ok)));

    // A snapshot of some of them; the others are missing in it.
    let mut snapshot = Snapshot::default();
    snapshot.add::<A<'_>>(&db).await.unwrap();
    assert_eq!(ours(snapshot.verify_all()), found(true, false, false));
    // Not all tables of this program are there.
    assert!(snapshot.add_all(&db).await.is_err());
    let _ = (B { n: 1 }, A { n: "" }, Generic { n: 1 }, Also { n: 1 });
}
