//! Types that are altered between two loads of one session, which has been told of them before.

use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, DbConfig, ErrorKind, PgEnum, PgTable};

async fn one_session(database: &TestDatabase, script: &str) -> Db {
    let config = DbConfig::from_url(&database.url()).unwrap().with_max_connections(1);
    let db = Db::connect(config).await.unwrap();
    db.execute_script(script).await.unwrap();
    db
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "member")]
struct Member {
    id: i64,
    #[pg(default)]
    level: Option<i32>,
}

#[pgrepo::test]
async fn the_default_of_a_domain_is_seen_as_it_is_now(database: TestDatabase) {
    let script = "CREATE DOMAIN level AS int4 DEFAULT 3; CREATE TABLE member (id int8, level level)";
    let db = one_session(&database, script).await;
    let load = async || {
        let left = CopyInOptions::default().server_defaults();
        db.repository::<Member>().copy_in_with([Member { id: 1, level: None }], left).await
    };
    let levels =
        async || -> Vec<(Option<i32>,)> { db.query("SELECT level::int4 FROM member").fetch_all().await.unwrap() };
    load().await.unwrap();
    assert_eq!(levels().await, [(Some(3),)]);

    db.execute_script("ALTER DOMAIN level DROP DEFAULT").await.unwrap();
    let refused = load().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");
    assert_eq!(levels().await.len(), 1, "no NULL is stored in the default's place");

    db.execute_script("ALTER DOMAIN level SET DEFAULT 4").await.unwrap();
    load().await.unwrap();
    assert_eq!(levels().await, [(Some(3),), (Some(4),)]);
}

#[derive(Debug, Clone, PartialEq, PgEnum)]
#[pg(name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "entry")]
struct Entry {
    mood: Mood,
}

#[pgrepo::test]
async fn a_type_is_known_by_its_name_of_now(database: TestDatabase) {
    let script = "CREATE TYPE humour AS ENUM ('sad'); CREATE TABLE entry (mood humour)";
    let db = one_session(&database, script).await;
    let entries = db.repository::<Entry>();
    let load = async || entries.copy_in([Entry { mood: Mood::Sad }]).await;
    assert_eq!(load().await.unwrap_err().kind(), ErrorKind::Mismatch);
    db.execute_script("ALTER TYPE humour RENAME TO mood").await.unwrap();
    load().await.unwrap();
    let mut read = entries.copy_out().await.unwrap();
    assert_eq!(read.next().await.unwrap(), Some(Entry { mood: Mood::Sad }));
}
