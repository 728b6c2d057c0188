use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DbConfig, ErrorKind, PgInsert, PgTable, Set};

use super::*;

async fn one_session(database: &TestDatabase, script: &str) -> Db {
    let config = DbConfig::from_url(&database.url()).unwrap().with_max_connections(1);
    let db = Db::connect(config).await.unwrap();
    db.execute_script(script).await.unwrap();
    db
}

fn rows(count: usize) -> impl Iterator<Item = NewUser> {
    (0..count).map(|i| new(&format!("u{i}")))
}

#[pgrepo::test(sql = "")]
async fn few_rows_go_by_a_statement_and_many_by_copy(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let how = "CREATE TABLE said (t text); CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS \
               $$ BEGIN INSERT INTO said VALUES (left(current_query(), 4)); RETURN NULL; END $$; \
               CREATE TRIGGER say AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION say()";
    db.execute_script(how).await.unwrap();
    let users = db.repository::<User>();
    for (count, by) in [(1, "INSE"), (255, "INSE"), (256, "COPY"), (300, "COPY")] {
        assert_eq!(users.insert_many(rows(count)).await.unwrap(), count as u64);
        let all = users.all().order_by(User::ID.asc()).fetch_all().await.unwrap();
        assert_eq!(all.len(), count);
        for (i, user) in all.iter().enumerate() {
            assert_eq!((&*user.email, user.org, user.mood), (&*format!("u{i}"), 7, Some(Mood::Happy)));
            assert_eq!((&user.tags[..], user.name.as_deref()), (&["x".into(), "y\"z".into()][..], Some(&*user.email)));
        }
        let said: Vec<String> = db.query("DELETE FROM said RETURNING t").fetch_all().await.unwrap();
        assert_eq!(said, [by], "{count}");
        users.delete_where(pgrepo::Filter::all()).execute().await.unwrap();
    }
    assert_eq!(users.insert_many(rows(0)).await.unwrap(), 0);
    let large = (0..3).map(|i| NewUser { tags: Set::To(vec!["x".repeat(500_000)]), ..new(&format!("l{i}")) });
    assert_eq!(users.insert_many(large).await.unwrap(), 3);
    assert_eq!(db.query("SELECT t FROM said").fetch_one::<String>().await.unwrap(), "COPY");
}

#[pgrepo::test(sql = "")]
async fn a_batch_is_stored_as_a_whole_or_not_at_all(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    for count in [3, 300] {
        let nul = rows(count).chain([new("a\0")]);
        let error = users.insert_many(nul).await.unwrap_err();
        assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(count as u64), Some("email")));
        assert_eq!(error.operation(), Some("insert_many"));
        let mixed = rows(count).chain([NewUser { org: Set::To(1), ..new("m") }]);
        let error = users.insert_many(mixed).await.unwrap_err();
        assert_eq!((error.kind(), error.row(), error.field()), (ErrorKind::Encode, Some(count as u64), Some("org")));
        let twice = users.insert_many(rows(count).chain([new("u0")])).await.unwrap_err();
        assert!(twice.is_unique_violation(), "{twice:?}");
        assert_eq!(twice.operation(), Some("insert_many"));
        assert_eq!(users.all().fetch_all().await.unwrap().len(), 0);
    }
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.repository::<User>().insert_many(rows(5)).await.unwrap(), 5);
    assert_eq!(tx.repository::<User>().all().fetch_all().await.unwrap().len(), 5);
    tx.rollback().await.unwrap();
    assert_eq!(users.all().fetch_all().await.unwrap().len(), 0);
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "pair", new = "NewPair")]
struct Pair {
    a: i32,
    b: i32,
}

#[pgrepo::test(sql = "")]
async fn a_table_that_changes_between_two_batches_takes_each_value_in_its_own_column(database: TestDatabase) {
    let db = one_session(&database, "CREATE TABLE pair (a int4, b int4)").await;
    let pairs = db.repository::<Pair>();
    let pair = [Pair { a: 1, b: 2 }];
    let changes = [
        "ALTER TABLE pair RENAME a TO c; ALTER TABLE pair RENAME b TO a; ALTER TABLE pair RENAME c TO b",
        "ALTER TABLE pair ADD c text",
        "ALTER TABLE pair DROP c",
        "ALTER TABLE pair DROP a; ALTER TABLE pair ADD a int4",
        "DROP TABLE pair; CREATE TABLE pair (b int4, a int4)",
        "ALTER TABLE pair RENAME TO other; CREATE TABLE pair (x text, b int4, y int8, a int4)",
    ];
    for change in changes {
        pairs.insert_many(&pair).await.unwrap();
        db.execute_script(change).await.unwrap();
        db.execute_script("DELETE FROM pair").await.unwrap();
        pairs.insert_many(&pair).await.unwrap();
        assert_eq!(pairs.all().fetch_all().await.unwrap(), pair, "{change}");
    }
    db.execute_script("ALTER TABLE pair ALTER a TYPE int8").await.unwrap();
    let error = pairs.insert_many(&pair).await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("a")), "{error:?}");
    db.execute_script("ALTER TABLE pair ALTER a TYPE int4").await.unwrap();
    pairs.insert_many(&pair).await.unwrap();
    db.execute_script("ALTER TABLE pair DROP x").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let first = tx.repository::<Pair>().insert_many(&pair).await;
    assert!(first.is_err(), "what the session knows is out of date, and the transaction is aborted by it");
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.repository::<Pair>().insert_many(&pair).await.unwrap();
    tx.commit().await.unwrap();
}

#[pgrepo::test(sql = "")]
async fn the_type_of_the_rows_is_the_tables_and_not_a_built_in_one(db: Db) {
    #[derive(Debug, Clone, PartialEq, PgTable)]
    #[pg(table = "path")]
    struct Path {
        text: String,
    }
    db.execute_script("CREATE TABLE path (text text)").await.unwrap();
    assert_eq!(db.repository::<Path>().insert_many([Path { text: "a".into() }]).await.unwrap(), 1);
}

#[derive(PgInsert)]
#[pg(of = Level)]
struct Id {
    id: i32,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "level")]
struct Level {
    #[pg(primary_key)]
    id: i32,
    level: i32,
}

#[pgrepo::test(sql = "")]
async fn a_domain_that_refuses_null_may_be_left_out(db: Db) {
    let script = "CREATE DOMAIN level_t AS int4 NOT NULL; CREATE TABLE level (id int4, level level_t DEFAULT 3)";
    db.execute_script(script).await.unwrap();
    let levels = db.repository::<Level>();
    levels.insert_many([Id { id: 1 }]).await.unwrap();
    levels.insert_many([Level { id: 2, level: 9 }]).await.unwrap();
    assert_eq!(
        levels.all().order_by(Level::ID.asc()).fetch_all().await.unwrap().iter().map(|l| l.level).collect::<Vec<_>>(),
        [3, 9]
    );
}

#[pgrepo::test(sql = "")]
async fn rows_are_got_by_many_keys_in_their_order(db: Db) {
    db.execute_script(SEATS).await.unwrap();
    db.execute_script(
        "CREATE EXTENSION IF NOT EXISTS citext; CREATE SCHEMA \"o\"\"s\"; CREATE TYPE \"o\"\"s\".mood AS ENUM ('sad', 'happy'); \
         CREATE TABLE feel (name citext, mood \"o\"\"s\".mood, n int4, PRIMARY KEY (name, mood))",
    )
    .await
    .unwrap();
    let seats = db.repository::<Seat>();
    let all: Vec<Seat> = (0..120).map(|i| seat(i, "A", Some("x"))).collect();
    seats.insert_many(&all).await.unwrap();
    let found = seats.get_many([(110, "A"), (1, "B"), (3, "A"), (110, "A")]).await.unwrap();
    assert_eq!(found, [Some(all[110].clone()), None, Some(all[3].clone()), Some(all[110].clone())]);
    assert_eq!(seats.get_many(Vec::<(i32, String)>::new()).await.unwrap(), []);
    let many = seats.get_many((0..100_000).map(|i| (i, "A"))).await.unwrap();
    assert_eq!((many.len(), many.iter().flatten().count()), (100_000, 120));
    let nul = seats.get_many([(1, "A"), (1, "\0")]).await.unwrap_err();
    assert_eq!((nul.kind(), nul.row(), nul.operation()), (ErrorKind::Encode, Some(1), Some("get_many")));

    #[derive(Debug, Clone, PartialEq, PgTable)]
    #[pg(table = "feel")]
    struct Feel {
        #[pg(primary_key)]
        name: String,
        #[pg(primary_key)]
        mood: Mood,
        n: i32,
    }
    let feel = Feel { name: "Ann".into(), mood: Mood::Sad, n: 1 };
    let feels = db.repository::<Feel>();
    feels.insert(&feel).await.unwrap();
    assert_eq!(feels.get_many([("aNN", Mood::Sad), ("ann", Mood::Happy)]).await.unwrap(), [Some(feel.clone()), None]);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.repository::<Feel>().get_many([("ann", Mood::Sad)]).await.unwrap(), [Some(feel)]);
}
