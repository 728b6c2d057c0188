use pgrepo::testkit::TestDatabase;

#[pgrepo::test]
fn waits_for_nothing(_: TestDatabase) {}

#[pgrepo::test]
async fn takes_nothing() {}

#[pgrepo::test]
async fn takes_two(a: TestDatabase, b: TestDatabase) {}

#[pgrepo::test]
async fn generic<T>(a: TestDatabase) {}

fn main() {}
