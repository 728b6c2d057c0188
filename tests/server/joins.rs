//! Rows of joins: embedded structs, and those that a LEFT JOIN may not find.

use pgrepo::{Db, ErrorKind, PgRecord, PgTable};

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "regions")]
struct Region {
    name: Option<String>,
    #[pg(primary_key)]
    id: i32,
    motto: Option<String>,
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "airports")]
struct Airport {
    #[pg(primary_key)]
    id: i32,
    name: String,
}

#[derive(Debug, PartialEq, PgRecord)]
struct Trip {
    #[pg(flatten = "a_")]
    airport: Airport,
    #[pg(flatten = "r_")]
    region: Option<Region>,
    last: bool,
}

#[derive(Debug, PartialEq, PgRecord)]
struct Note {
    id: Option<i32>,
    name: Option<String>,
}

#[derive(Debug, PartialEq, PgRecord)]
struct Noted {
    name: String,
    #[pg(flatten = "n_", marker)]
    note: Option<Note>,
    last: bool,
}

const TABLES: &str = "
    CREATE TABLE regions (id int4 PRIMARY KEY, name text, motto text);
    CREATE TABLE airports (id int4 PRIMARY KEY, name text NOT NULL, region int4);
    CREATE TABLE notes (id int4, name text, airport int4);
    INSERT INTO regions VALUES (1, 'north', 'n'), (2, NULL, NULL);
    INSERT INTO airports VALUES (1, 'A', 1), (2, 'B', 2), (3, 'C', NULL), (4, 'D', 9);
    INSERT INTO notes VALUES (NULL, NULL, NULL), (7, 'n', 2);
    CREATE VIEW trips AS SELECT a.id, a.name, r.id AS r_id, r.name AS r_name, r.motto AS r_motto
        FROM airports a LEFT JOIN regions r ON r.id = a.region";

const TRIPS: &str =
    "SELECT true AS last, a.id AS a_id, a.name AS a_name, r.id AS r_id, r.name AS r_name, r.motto AS r_motto
    FROM airports a LEFT JOIN regions r ON r.id = a.region ORDER BY a.id";

fn found() -> [Option<Region>; 4] {
    let north = Region { id: 1, name: Some("north".into()), motto: Some("n".into()) };
    [Some(north), Some(Region { id: 2, name: None, motto: None }), None, None]
}

#[pgrepo::test]
async fn a_joined_row_is_absent_where_its_key_is_null(db: Db) {
    db.execute_script(TABLES).await.unwrap();
    let expected: Vec<Trip> = (1..)
        .zip(["A", "B", "C", "D"])
        .zip(found())
        .map(|((id, name), region)| Trip { airport: Airport { id, name: name.into() }, region, last: true })
        .collect();
    assert_eq!(db.query(TRIPS).fetch_all::<Trip>().await.unwrap(), expected);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.query(TRIPS).fetch_all::<Trip>().await.unwrap(), expected);
}

#[pgrepo::test]
async fn a_joined_row_without_a_key_is_absent_where_its_marker_says_so(db: Db) {
    db.execute_script(TABLES).await.unwrap();
    // The first note's columns are all NULL, and it is there.
    let sql = "SELECT true AS last, a.name, n.id AS n_id, n.name AS n_name, (n IS DISTINCT FROM NULL) AS n_is_present
        FROM airports a LEFT JOIN notes n ON n.airport = a.id OR a.id = 1 AND n.airport IS NULL ORDER BY a.id";
    let noted = |name: &str, note| Noted { name: name.to_owned(), note, last: true };
    let expected = [
        noted("A", Some(Note { id: None, name: None })),
        noted("B", Some(Note { id: Some(7), name: Some("n".into()) })),
        noted("C", None),
        noted("D", None),
    ];
    assert_eq!(db.query(sql).fetch_all::<Noted>().await.unwrap(), expected);
    // `IS NOT NULL` asks for a value in each column, which the first note does not have.
    let wrong = sql.replace("n IS DISTINCT FROM NULL", "n IS NOT NULL");
    assert_eq!(db.query(wrong).fetch_all::<Noted>().await.unwrap()[0].note, None);
    let error = db.query("SELECT true AS last, 'x' AS name, 1 AS n_id, 'n' AS n_name").fetch_all::<Noted>().await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("n_is_present")), "{error:?}");
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "stops")]
struct Stop<'a> {
    note: &'a str,
    #[pg(primary_key)]
    line: i32,
    #[pg(primary_key)]
    place: &'a str,
}

#[derive(Debug, PartialEq, PgRecord)]
struct Hop<'a> {
    #[pg(flatten = "from_")]
    from: Option<Stop<'a>>,
    #[pg(flatten = "to_")]
    to: Option<Stop<'a>>,
}

#[pgrepo::test]
async fn columns_are_written_into_sql_of_the_users_own(db: Db) {
    db.execute_script(TABLES).await.unwrap();
    let sql = pgrepo::sql!(
        "SELECT {columns}, '{{}}' = '{{}}' AS last FROM airports a LEFT JOIN regions r ON r.id = a.region ORDER BY a.id",
        Trip { "a_" => a, "r_" => r }
    );
    let trips = db.query(sql).fetch_all::<Trip>().await.unwrap();
    assert_eq!(trips, db.query(TRIPS).fetch_all::<Trip>().await.unwrap());

    // The joined notes: one whose columns are all NULL, one with values, and two that are not there.
    const NOTED: &str = pgrepo::sql!(
        "SELECT {columns}, a.name, true AS last
         FROM airports a LEFT JOIN notes n ON n.airport = a.id OR a.id = 1 AND n.airport IS NULL ORDER BY a.id",
        Noted { "n_" => n }
    );
    let notes: Vec<_> = db.query(NOTED).fetch_all::<Noted>().await.unwrap().into_iter().map(|row| row.note).collect();
    let [none, some] = [Note { id: None, name: None }, Note { id: Some(7), name: Some("n".into()) }];
    assert_eq!(notes, [Some(none), Some(some), None, None]);

    let one = pgrepo::sql!("SELECT {columns} FROM airports a WHERE a.id = $1", Airport as a);
    assert_eq!(one, r#"SELECT a."id", a."name" FROM airports a WHERE a.id = $1"#);
    assert_eq!(db.query(one).bind(2).fetch_one::<Airport>().await.unwrap().name, "B");
}

/// A record that holds one whose part may be absent.
#[derive(Debug, PartialEq, PgRecord)]
struct Journey<'a> {
    #[pg(flatten = "first_")]
    first: Hop<'a>,
    fare: i32,
}

#[pgrepo::test]
async fn joined_rows_may_borrow_and_have_several_columns_in_their_key(db: Db) {
    let sql = "SELECT f.note AS from_note, f.line AS from_line, f.place AS from_place, t.*
        FROM (VALUES ('x', 1, 'p')) f(note, line, place)
        FULL JOIN (VALUES ('y', 2, 'q')) t(to_note, to_line, to_place) ON f.line = t.to_line ORDER BY f.line";
    let mut rows = db.query(sql).stream::<Hop<'_>>().await.unwrap();
    let from = Some(Stop { note: "x", line: 1, place: "p" });
    assert_eq!(rows.next().await.unwrap(), Some(Hop { from, to: None }));
    let to = Some(Stop { note: "y", line: 2, place: "q" });
    assert_eq!(rows.next().await.unwrap(), Some(Hop { from: None, to }));
    assert_eq!(rows.next().await.unwrap(), None);
    drop(rows);

    let sql = "SELECT 5 AS fare, NULL AS first_from_note, NULL::int4 AS first_from_line, NULL AS first_from_place,
        'y' AS first_to_note, 2 AS first_to_line, 'q' AS first_to_place";
    let mut rows = db.query(sql).stream::<Journey<'_>>().await.unwrap();
    let to = Some(Stop { note: "y", line: 2, place: "q" });
    assert_eq!(rows.next().await.unwrap(), Some(Journey { first: Hop { from: None, to }, fare: 5 }));
}

#[pgrepo::test]
async fn a_row_that_is_there_and_does_not_fit_names_the_embedded_field(db: Db) {
    let sql =
        "SELECT 'x' AS from_note, 1 AS from_line, NULL AS from_place, 'y' AS to_note, 2 AS to_line, 'q' AS to_place";
    let mut rows = db.query(sql).stream::<Hop<'_>>().await.unwrap();
    let error = rows.next().await.unwrap_err();
    assert_eq!((error.kind(), error.field(), error.column()), (ErrorKind::Decode, Some("place"), Some("from_place")));
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "trips", read_only)]
struct TripOfView {
    id: i32,
    #[pg(flatten = "r_")]
    region: Option<Region>,
    name: String,
}

#[pgrepo::test]
async fn a_views_row_may_hold_one_that_is_absent(db: Db) {
    db.execute_script(TABLES).await.unwrap();
    let trips = db.repository::<TripOfView>();
    let all = trips.all().order_by(TripOfView::ID.asc()).fetch_all().await.unwrap();
    assert_eq!(all.iter().map(|trip| &trip.region).collect::<Vec<_>>(), found().iter().collect::<Vec<_>>());
    assert_eq!(all[3].name, "D");
    let mut out = trips.copy_out().await.unwrap();
    let mut copied = Vec::new();
    while let Some(trip) = out.next().await.unwrap() {
        copied.push(trip);
    }
    copied.sort_by_key(|trip| trip.id);
    assert_eq!(copied, all);
    let north = trips.find(TripOfView::REGION.at(Region::NAME).eq("north")).fetch_all().await.unwrap();
    assert_eq!(north.len(), 1);
}
