use pgrepo::testkit::TestDatabase;

use crate::support::{connect, one};

#[pgrepo::test(sql = "CREATE TABLE t (id int); INSERT INTO t VALUES (7)")]
async fn a_test_has_what_its_script_made(db: TestDatabase) {
    let mut connection = connect(&db.url()).await;
    assert_eq!(one::<i32>(&mut connection, "SELECT id FROM t").await, 7);
    let mut connection = connect(&db.tcp_url()).await;
    assert_eq!(one::<String>(&mut connection, "SELECT current_database()::text").await, db.name());
}
