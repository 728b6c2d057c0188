//! Operations side by side: results in order, and never more at once than the limit.

use futures_util::future::join;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, PgTable, Result};

use crate::slow::Log;
use crate::support::{Direct, LONG, pool};

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "users")]
struct User {
    #[pg(primary_key)]
    id: i64,
    name: String,
}

const USERS: &str = "CREATE TABLE users (id int8 PRIMARY KEY, name text NOT NULL); \
                     INSERT INTO users SELECT i, 'n' || i FROM generate_series(1, 3) i";

#[pgrepo::test]
async fn different_results_come_in_the_order_of_the_operations(db: Db) {
    db.execute_script(USERS).await.unwrap();
    let users = db.repository::<User>();
    let operations = (
        db.query("SELECT count(*) FROM users").fetch_one::<i64>(),
        users.get(2),
        db.query("SELECT name FROM users WHERE id > $1 ORDER BY id").bind(1_i64).fetch_all::<String>(),
        users.delete(9),
    );
    let (count, second, names, deleted) = db.concurrent(2).all(operations).await.unwrap();
    assert_eq!((count, deleted), (3, false));
    assert_eq!(second, Some(User { id: 2, name: "n2".into() }));
    assert_eq!(names, ["n2", "n3"]);
    let squares = (1..=40_i64).map(|n| db.query("SELECT $1::int8 * $1").bind(n).fetch_one::<i64>());
    let expected: Vec<_> = (1..=40).map(|n| n * n).collect();
    assert_eq!(db.concurrent(3).each(squares).await.unwrap(), expected);
}

#[pgrepo::test]
async fn the_server_works_on_as_many_as_the_limit_and_never_on_more(test: TestDatabase) {
    const NAME: &str = "concurrent";
    let db = pool(&test.url(), NAME, 5).await;
    let mut direct = Direct::to(&test).await;
    let waiting =
        format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}' AND wait_event = 'advisory'");
    // Each waits for a lock that the test holds, and then tells how many of the pool's sessions are at work with it.
    let sql = format!(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}' AND state = 'active') \
         FROM pg_advisory_xact_lock_shared(7)"
    );
    for (wanted, limit) in [(3, 3), (0, 1), (99, 5)] {
        direct.run("SELECT pg_advisory_lock(7)").await;
        let concurrent = db.concurrent(wanted);
        assert_eq!(concurrent.limit(), limit);
        let work = concurrent.each((0..20).map(|_| db.query(&*sql).fetch_one::<i64>()));
        let watch = async {
            direct.within(LONG, "all places are taken", &format!("SELECT ({waiting}) = {limit}")).await;
            db.ping().await.unwrap();
            let there: i64 = direct.one(&waiting).await;
            direct.run("SELECT pg_advisory_unlock(7)").await;
            there
        };
        let (at_work, there) = join(work, watch).await;
        let limit = i64::try_from(limit).unwrap();
        assert_eq!(there, limit);
        assert!(at_work.unwrap().iter().all(|n| (1..=limit).contains(n)));
    }
    let log = Log::default();
    let logging = tracing::subscriber::set_default(log.clone());
    for (wanted, said) in [(0, Some(1)), (1, None), (5, None), (6, Some(5))] {
        let _concurrent = db.concurrent(wanted);
        let lines = log.lines();
        assert_eq!(lines.len(), usize::from(said.is_some()), "{lines:?}");
        if let Some(limit) = said {
            assert!(lines[0].contains(&format!("wanted={wanted} limit={limit} connections=5")), "{lines:?}");
        }
    }
    drop(logging);
    let blocked = || async {
        let mut tx = db.begin().await?;
        let n = tx.query(&*sql).fetch_one::<i64>().await?;
        tx.commit().await?;
        Ok(n)
    };
    let (a, b, c, d) = db.concurrent(2).all((blocked(), blocked(), blocked(), blocked())).await.unwrap();
    assert!([a, b, c, d].iter().all(|n| (1..=2).contains(n)));
}

#[pgrepo::test]
async fn the_first_error_keeps_the_rest_from_beginning(db: Db) {
    db.execute_script("CREATE SEQUENCE begun").await.unwrap();
    let step = |sql: &'static str| db.query(sql).fetch_one::<i64>();
    let operations =
        (step("SELECT nextval('begun')"), step("SELECT nextval('begun') / 0"), step("SELECT nextval('begun')"));
    let error = db.concurrent(1).all(operations).await.unwrap_err();
    assert_eq!(error.sqlstate().map(|s| s.to_string()).as_deref(), Some("22012"), "{error:?}");
    assert_eq!(step("SELECT last_value FROM begun").await.unwrap(), 2);
    let operations = ["SELECT nextval('begun')", "SELECT x", "SELECT nextval('begun')"].map(step);
    let error = db.concurrent(1).each(operations).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert_eq!(step("SELECT last_value FROM begun").await.unwrap(), 3);
}

#[pgrepo::test]
async fn what_became_of_each_is_told_where_errors_are_collected(db: Db) {
    let step = |sql: &'static str| db.query(sql).fetch_one::<i64>();
    let operations = (step("SELECT 1::int8"), db.query("SELECT x").execute(), step("SELECT 3::int8"));
    let (one, failed, three) = db.concurrent(2).settle(operations).await;
    assert_eq!((one.unwrap(), three.unwrap()), (1, 3));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Query);
    let outcomes = db.concurrent(2).settle_each(["SELECT 1::int8", "SELECT x", "SELECT 3::int8"].map(step)).await;
    let values: Vec<_> = outcomes.iter().map(|o| o.as_ref().ok().copied()).collect();
    assert_eq!(values, [Some(1), None, Some(3)]);
    assert!(db.concurrent(2).settle_each::<i64>(Vec::<std::future::Ready<Result<i64>>>::new()).await.is_empty());
}

#[pgrepo::test]
async fn a_task_may_run_them(db: Db) {
    let task = async move {
        let (one, two) = db.concurrent(2).all((db.query("SELECT 1").fetch_one::<i32>(), db.ping())).await?;
        let all = db.concurrent(2).each((0..4).map(|n| db.query("SELECT $1::int4").bind(n).fetch_one::<i32>())).await?;
        Ok::<_, pgrepo::Error>((one, two.as_nanos() > 0, all))
    };
    assert_eq!(tokio::spawn(task).await.unwrap().unwrap(), (1, true, vec![0, 1, 2, 3]));
}
