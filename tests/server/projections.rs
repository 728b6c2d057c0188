//! Some columns of a find.

use futures_util::TryStreamExt;
use pgrepo::{Db, ErrorKind, PgRecord, PgTable};

#[derive(Debug, PartialEq, PgRecord)]
struct Point {
    lat: f64,
    lon: Option<f64>,
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "ports")]
struct Port {
    #[pg(primary_key)]
    icao: String,
    #[pg(column = "the city")]
    city: Option<String>,
    #[pg(flatten = "at_")]
    at: Point,
    tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, PgRecord)]
#[pg(of = Port)]
struct Brief {
    #[pg(column = "the city")]
    place: Option<String>,
    icao: Box<str>,
    #[pg(column = "at_lat")]
    latitude: Option<f64>,
}

#[derive(Debug, PartialEq, PgRecord)]
#[pg(of = Port)]
struct Borrowed<'a> {
    icao: &'a str,
    #[pg(flatten = "at_")]
    at: Point,
    #[pg(skip)]
    note: String,
}

#[derive(Debug, PgRecord)]
#[pg(of = Port)]
struct Of<V> {
    icao: V,
}

const PORTS: &str = r#"CREATE TABLE ports (icao text PRIMARY KEY, "the city" text, at_lat float8 NOT NULL, at_lon float8, tags text[] NOT NULL);
INSERT INTO ports VALUES ('EHAM', 'Amsterdam', 52, 4, '{a}'), ('EHRD', NULL, 51, NULL, '{}'), ('EHGG', 'Groningen', 53, 6, '{}')"#;

#[pgrepo::test]
async fn a_record_of_some_columns_is_read_alone(db: Db) {
    db.execute_script(PORTS).await.unwrap();
    let ports = db.repository::<Port>();
    let by_tags = || ports.find(Port::TAGS.is_empty()).order_by(Port::AT.at(Point::LAT).desc());
    assert_eq!(
        by_tags().select::<Brief>().sql(),
        r#"SELECT "the city", "icao", "at_lat" FROM "ports" WHERE cardinality("tags") = 0 ORDER BY "at_lat" DESC"#
    );
    let groningen = Brief { place: Some("Groningen".into()), icao: "EHGG".into(), latitude: Some(53.0) };
    let rotterdam = Brief { place: None, icao: "EHRD".into(), latitude: Some(51.0) };
    assert_eq!(by_tags().select::<Brief>().fetch_all().await.unwrap(), [groningen.clone(), rotterdam.clone()]);
    assert_eq!(by_tags().select::<Brief>().fetch_first().await.unwrap(), Some(groningen.clone()));
    let one = ports.find(Port::ICAO.eq("EHRD")).select::<Brief>();
    assert_eq!(one.fetch_one().await.unwrap(), rotterdam);
    assert_eq!(ports.find(Port::ICAO.eq("X")).select::<Brief>().fetch_optional().await.unwrap(), None);
    assert_eq!(by_tags().select::<Brief>().fetch_optional().await.unwrap_err().kind(), ErrorKind::ManyRows);
    assert_eq!(by_tags().limit(0).values(Port::ICAO).fetch_one().await.unwrap_err().kind(), ErrorKind::NoRow);
    let streamed: Vec<Brief> = by_tags().select::<Brief>().stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(streamed, [groningen, rotterdam]);

    let mut rows = by_tags().select::<Borrowed<'static>>().stream().await.unwrap();
    let first = rows.next().await.unwrap().unwrap();
    assert_eq!(first, Borrowed { icao: "EHGG", at: Point { lat: 53.0, lon: Some(6.0) }, note: String::new() });
    let parameter = by_tags().select::<Of<String>>().fetch_first().await.unwrap().unwrap();
    assert_eq!(parameter.icao, "EHGG");
}

#[pgrepo::test]
async fn what_the_live_table_has_is_compared_before_rows_are_read(db: Db) {
    db.execute_script("CREATE TABLE ports (icao text PRIMARY KEY, \"the city\" text, at_lat int8 NOT NULL)")
        .await
        .unwrap();
    let error = db.repository::<Port>().all().select::<Brief>().fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.field(), error.column()), (ErrorKind::Mismatch, Some("latitude"), Some("at_lat")));
    // A type of a parameter is only known to the server.
    let error = db.repository::<Port>().all().select::<Of<i64>>().fetch_all().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("icao")));
    let error = db.repository::<Port>().all().select::<Borrowed<'static>>().stream().await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Mismatch, "42703"));
}
