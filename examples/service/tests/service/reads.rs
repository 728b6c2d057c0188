//! Lists, pages, search, statistics and metrics.

use std::collections::BTreeSet;

use pgrepo::testkit::TestDatabase;
use serde_json::{Value, json};

use super::support::{CSV, id, service};

fn codes(answer: &Value) -> Vec<String> {
    answer["airports"].as_array().unwrap().iter().map(|one| one["icao"].as_str().unwrap().to_owned()).collect()
}

#[pgrepo::test]
async fn the_world_is_listed_searched_and_counted(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let file = include_str!("../../../data/airports.csv");
    assert_eq!(client.upload(id(), CSV, file).await.unwrap().status.as_u16(), 201);

    // Page by page each is there once, by the key and by an order that many share.
    for sort in ["icao", "name", "highest"] {
        let (mut seen, mut read, mut after) = (BTreeSet::new(), 0, String::new());
        loop {
            let path = format!("/airports?country=CH&sort={sort}&limit=40{after}");
            let page = client.get(&path).await.unwrap().json();
            read += codes(&page).len();
            seen.extend(codes(&page));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let counted: i64 = db.query("SELECT count(*) FROM airports WHERE country = 'CH'").fetch_val().await.unwrap();
        assert_eq!((i64::try_from(seen.len()).unwrap(), i64::try_from(read).unwrap()), (counted, counted), "{sort}");
    }
    // Each filter is what SQL says.
    for (parameters, condition) in [
        ("iata=ZRH", "iata = 'ZRH'"),
        ("prefix=SLL", "icao LIKE 'SLL%'"),
        ("words=lake+-seaplane&country=CA", "name ~* '\\ylake\\y' AND name !~* '\\yseaplane\\y' AND country = 'CA'"),
        ("city=Leoti", "details ->> 'city' = 'Leoti'"),
        ("tz=Asia/Dhaka", "details ->> 'tz' = 'Asia/Dhaka'"),
        ("min_elevation=12000", "elevation_ft >= 12000"),
        ("max_elevation=-100.5", "elevation_ft <= -100.5"),
    ] {
        let found = codes(&client.get(&format!("/airports?{parameters}&limit=500")).await.unwrap().json());
        let sql = format!("SELECT icao FROM airports WHERE {condition} ORDER BY icao");
        let expected: Vec<String> = db.query(sql).fetch_all().await.unwrap();
        assert_eq!(found, expected, "{parameters}");
        assert!(!found.is_empty(), "{parameters}");
    }
    let wanted = json!({"contains": {"city": "Zurich", "tz": "Europe/Zurich"}});
    let found = client.search(&wanted).await.unwrap().json();
    let sql = "SELECT icao FROM airports WHERE details @> '{\"city\": \"Zurich\"}' ORDER BY icao";
    assert_eq!(codes(&found), db.query(sql).fetch_all::<String>().await.unwrap());

    let one = client.get("/airports/LSZH").await.unwrap().json();
    assert_eq!((&one["iata"], &one["details"]["tz"]), (&json!("ZRH"), &json!("Europe/Zurich")), "{one}");
    let none = client.get("/airports/NONE").await.unwrap();
    assert_eq!((none.status.as_u16(), &*none.reason()), (404, "no-such-airport"));

    let stats = client.get("/stats").await.unwrap().json();
    assert_eq!((&stats["airports"], &stats["uploads"]), (&json!(28_298), &json!(1)), "{stats}");
    assert_eq!(stats["countries"][0], json!({"country": "US", "airports": 12_579}));
    running.ended().await;
}

#[pgrepo::test]
async fn a_token_of_another_order_is_refused(database: TestDatabase) {
    let (running, mut client, _db) = service(&database).await;
    client.upload(id(), CSV, include_str!("../../../data/airports.csv")).await.unwrap();
    let page = client.get("/airports?sort=name&limit=1").await.unwrap().json();
    let next = page["next"].as_str().unwrap();
    for path in [format!("/airports?sort=highest&after={next}"), format!("/airports?sort=name&after={next}A")] {
        let answer = client.get(&path).await.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.reason()), (400, "page-token"), "{path}");
    }
    running.ended().await;
}

/// The exporter is the process's, so other tests count in it too: only what this one alone counts is looked at.
#[pgrepo::test]
async fn metrics_count_requests_by_few_labels_and_uploads_by_their_outcome(database: TestDatabase) {
    let (running, mut client, _db) = service(&database).await;
    client.upload(id(), CSV, include_str!("../../../data/airports.csv")).await.unwrap();
    for number in 0..50 {
        client.get(&format!("/airports/X{number}")).await.unwrap();
        client.get(&format!("/nowhere/{number}")).await.unwrap();
    }
    let text = client.get("/metrics").await.unwrap();
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let value = |start: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("service_http_requests_total{path=\"/airports/{icao}\",method=\"GET\",status=\"404\"}") >= 50.0);
    assert!(value("service_http_requests_total{path=\"none\",method=\"GET\",status=\"404\"}") >= 50.0);
    assert!(value("service_uploads_total{outcome=\"stored\"}") >= 1.0);
    assert!(value("service_upload_rows_total") >= 28_298.0);
    // What pgrepo counts by itself.
    assert!(
        text.lines()
            .any(|line| line.starts_with("postgresql_operations_total{") && line.contains("operation=\"commit\""))
    );
    assert!(text.lines().any(|line| line.starts_with("postgresql_pool_connections{")));
    assert!(!text.contains("nowhere") && !text.contains("X49"));
    running.ended().await;
}
