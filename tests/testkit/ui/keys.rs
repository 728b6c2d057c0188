use pgrepo::testkit::TestDatabase;

#[pgrepo::test(sqll = "SELECT 1")]
async fn unknown(_: TestDatabase) {}

#[pgrepo::test(sql = "SELECT 1", setup = "schema.sql", flavor = "big", server = "mine")]
async fn contradicting(_: TestDatabase) {}

#[pgrepo::test(sql = "SELECT 1", sql = "SELECT 2")]
async fn twice(_: TestDatabase) {}

fn main() {}
