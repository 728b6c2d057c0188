//! Views, partitions, and what sqlx reads and writes.

use std::time::Duration;

use futures_util::TryStreamExt;
use pgrepo::{Db, ErrorKind, PgTable};
use sqlx::postgres::types::{Oid, PgInterval, PgRange};
use sqlx::{Connection, PgConnection};

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "adults", read_only)]
struct Adult {
    name: String,
    age: Option<i32>,
    #[pg(json)]
    tags: Vec<String>,
}

fn adult(name: &str, age: i32, tags: &[&str]) -> Adult {
    Adult { name: name.to_owned(), age: Some(age), tags: tags.iter().map(|&tag| tag.to_owned()).collect() }
}

const PEOPLE: &str = "CREATE TABLE people (name text, age int4, tags jsonb); \
    INSERT INTO people VALUES ('Ann', 40, '[\"a\"]'), ('Bo', 7, '[]'), ('Cy', 80, '[\"b\", \"c\"]');";

async fn reads_adults(db: &Db) {
    let adults = db.repository::<Adult>();
    let expected = [adult("Ann", 40, &["a"]), adult("Cy", 80, &["b", "c"])];
    assert_eq!(adults.all().order_by(Adult::NAME.asc()).fetch_all().await.unwrap(), expected);
    assert_eq!(adults.find(Adult::AGE.gt(50)).fetch_one().await.unwrap(), expected[1]);
    let streamed: Vec<Adult> =
        adults.all().order_by(Adult::NAME.asc()).stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(streamed, expected);
}

#[pgrepo::test]
async fn a_view_is_read_by_find_stream_and_copy_out(db: Db) {
    db.execute_script(&format!("{PEOPLE} CREATE VIEW adults AS SELECT * FROM people WHERE age >= 18")).await.unwrap();
    reads_adults(&db).await;
    let mut copied: Vec<Adult> = db.repository::<Adult>().copy_out().await.unwrap().try_collect().await.unwrap();
    copied.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(copied, [adult("Ann", 40, &["a"]), adult("Cy", 80, &["b", "c"])]);
    db.execute_script("DROP VIEW adults; CREATE VIEW adults AS SELECT name, age::int8, tags FROM people")
        .await
        .unwrap();
    let error = db.repository::<Adult>().copy_out().await.err().unwrap();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("age")), "{error:?}");
}

#[pgrepo::test]
async fn a_materialized_view_is_read_by_find_and_stream(db: Db) {
    let view = "CREATE MATERIALIZED VIEW adults AS SELECT * FROM people WHERE age >= 18";
    db.execute_script(&format!("{PEOPLE} {view}")).await.unwrap();
    reads_adults(&db).await;
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "event")]
struct Event {
    id: i64,
    kind: String,
    body: Option<Vec<u8>>,
}

fn event(id: i64) -> Event {
    let kind = if id % 3 == 0 { "a" } else { "b" };
    Event { id, kind: kind.to_owned(), body: (id % 2 == 0).then(|| id.to_be_bytes().to_vec()) }
}

#[pgrepo::test]
async fn a_partitioned_table_is_loaded_and_unloaded(db: Db) {
    db.execute_script(
        "CREATE TABLE event (kind text NOT NULL, body bytea, id int8 NOT NULL) PARTITION BY LIST (kind); \
         CREATE TABLE event_a PARTITION OF event FOR VALUES IN ('a'); \
         CREATE TABLE event_b (id int8 NOT NULL, kind text NOT NULL, body bytea); \
         ALTER TABLE event ATTACH PARTITION event_b FOR VALUES IN ('b')",
    )
    .await
    .unwrap();
    let events = db.repository::<Event>();
    let sent: Vec<Event> = (0..3_000).map(event).collect();
    assert_eq!(events.copy_in(&sent).await.unwrap().rows, 3_000);
    let parts: (i64, i64) =
        db.query("SELECT (SELECT count(*) FROM event_a), (SELECT count(*) FROM event_b)").fetch_one().await.unwrap();
    assert_eq!(parts, (1_000, 2_000));
    let mut copied: Vec<Event> = events.copy_out().await.unwrap().try_collect().await.unwrap();
    copied.sort_by_key(|event| event.id);
    assert_eq!(copied, sent);
    assert_eq!(events.find(Event::KIND.eq("a")).fetch_all().await.unwrap().len(), 1_000);

    let stray = Event { kind: "c".to_owned(), ..event(1) };
    let error = events.copy_in([event(0), stray]).await.unwrap_err();
    assert_eq!((error.row(), error.sqlstate().unwrap().as_str()), (Some(1), "23514"), "{error:?}");
    assert_eq!(db.query("SELECT count(*) FROM event").fetch_one::<i64>().await.unwrap(), 3_000);
}

/// Types that only sqlx has, and an array and a range of them.
#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "shift")]
struct Shift {
    id: i32,
    #[pg(via_sqlx)]
    length: PgInterval,
    #[pg(via_sqlx)]
    pause: Option<PgInterval>,
    #[pg(via_sqlx)]
    class: Oid,
    #[pg(via_sqlx)]
    breaks: Vec<PgInterval>,
    #[pg(via_sqlx, sql_type = "int4range")]
    hours: Option<PgRange<i32>>,
}

fn shift(id: i32) -> Shift {
    let length = PgInterval::try_from(Duration::from_secs(3_600)).unwrap();
    let pause = (id % 2 == 0).then_some(PgInterval { months: 1, days: id, microseconds: -1 });
    let (breaks, hours) = (vec![length; 2], pause.is_some().then(|| (id..id + 8).into()));
    Shift { id, length, pause, class: Oid(u32::MAX), breaks, hours }
}

#[pgrepo::test]
async fn via_sqlx_is_written_by_copy_and_read_by_find(db: Db) {
    let columns = "length interval NOT NULL, pause interval, class oid, breaks interval[], hours int4range";
    db.execute_script(&format!("CREATE TABLE shift (id int4, {columns})")).await.unwrap();
    assert!(!db.verify::<Shift>().await.unwrap().differences().iter().any(|one| one.kind.code() == "type"));
    let shifts = db.repository::<Shift>();
    let sent: Vec<Shift> = (0..500).map(shift).collect();
    assert_eq!(shifts.copy_in(&sent).await.unwrap().rows, 500);
    let text: (String, Option<String>, Option<String>, String) = db
        .query("SELECT a.length::text, a.pause::text, b.pause::text, a.class::text FROM shift a, shift b WHERE a.id = 2 AND b.id = 1")
        .fetch_one()
        .await
        .unwrap();
    let expected =
        ("01:00:00".to_owned(), Some("1 mon 2 days -00:00:00.000001".to_owned()), None, u32::MAX.to_string());
    assert_eq!(text, expected);
    assert_eq!(shifts.all().order_by(Shift::ID.asc()).fetch_all().await.unwrap(), sent);
    let streamed: Vec<Shift> =
        shifts.find(Shift::ID.lt(10)).order_by(Shift::ID.asc()).stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(streamed, sent[..10]);

    db.execute_script("ALTER TABLE shift ALTER length TYPE text").await.unwrap();
    let error = shifts.copy_in(&sent).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Mismatch, Some("length")), "{error:?}");
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "people")]
struct Lent<'a> {
    name: &'a str,
    age: Option<i32>,
}

/// The derived `sqlx::FromRow`, on a connection that pgrepo knows nothing of.
#[pgrepo::test]
async fn the_driver_s_own_queries_read_the_struct(db: pgrepo::testkit::TestDatabase) {
    let mut conn = PgConnection::connect(&db.url()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(PEOPLE)).execute(&mut conn).await.unwrap();
    // Columns are found by name: in another order, and with one more.
    let adults: Vec<Adult> =
        sqlx::query_as("SELECT tags, 1 AS more, age, name FROM people WHERE age > $1 ORDER BY name")
            .bind(18)
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(adults, [adult("Ann", 40, &["a"]), adult("Cy", 80, &["b", "c"])]);
    let one = "SELECT 7 AS id, '1 h'::interval AS length, NULL::interval AS pause, 4294967295::oid AS class, \
               ARRAY['1 h', '1 h']::interval[] AS breaks, NULL::int4range AS hours";
    let shift: Shift = sqlx::query_as(one).fetch_one(&mut conn).await.unwrap();
    assert_eq!(shift, self::shift(7));

    let row = sqlx::query("SELECT name, age FROM people WHERE age = 7").fetch_one(&mut conn).await.unwrap();
    let lent: Lent<'_> = sqlx::FromRow::from_row(&row).unwrap();
    assert_eq!(lent, Lent { name: "Bo", age: Some(7) });

    let error = sqlx::query_as::<_, Adult>("SELECT name, tags FROM people").fetch_one(&mut conn).await.unwrap_err();
    assert!(format!("{error:?}").contains("age"), "{error:?}");
    let error =
        sqlx::query_as::<_, Adult>("SELECT name, tags, age::int8 FROM people").fetch_one(&mut conn).await.unwrap_err();
    assert!(format!("{error:?}").contains("int8"), "{error:?}");
}
