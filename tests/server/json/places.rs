//! Errors inside of documents name their place in them.

use std::collections::BTreeMap;

use pgrepo::{Db, Error, ErrorKind, Json, PgTable, ValueError, ValueErrorKind};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Profile {
    home: Option<Home>,
    shapes: Vec<Shape>,
    marks: BTreeMap<String, Option<i64>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Home {
    rooms: [f64; 2],
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Circle { radius: i64 },
    Pair(i64, String),
}

#[derive(Debug, PgTable)]
#[pg(table = "people")]
struct Person {
    #[pg(primary_key)]
    id: i32,
    profile: Option<Json<Profile>>,
}

/// The documents, and where each is wrong.
const WRONG: [(&str, &str); 7] = [
    (r#"{"home": {"rooms": [1, "two"]}, "shapes": [], "marks": {}}"#, "home.rooms[1]"),
    (r#"{"home": {}, "shapes": [], "marks": {}}"#, "home"),
    (
        r#"{"home": null, "shapes": [{"Circle": {"radius": 1}}, {"Circle": {"radius": "r"}}], "marks": {}}"#,
        "shapes[1].Circle.radius",
    ),
    (r#"{"home": null, "shapes": [{"Pair": [1, 2]}], "marks": {}}"#, "shapes[0].Pair[1]"),
    (r#"{"home": null, "shapes": [{"Square": 1}], "marks": {}}"#, "shapes[0]"),
    (r#"{"home": null, "shapes": [], "marks": {"a": 1, "o'clock": 1.5}}"#, "marks.o'clock"),
    (r#"{"home": null, "shapes": {}, "marks": {}}"#, "shapes"),
];

fn check(error: &Error, place: &str) {
    assert_eq!(
        (error.kind(), error.field(), error.column(), error.row()),
        (ErrorKind::Decode, Some("profile"), Some("profile"), Some(1)),
        "{error:?}"
    );
    let said = format!("{error:?}");
    assert!(said.contains(&format!("the JSON does not fit the Rust type at {place}\n")), "{place}: {said}");
}

#[pgrepo::test]
async fn an_error_in_a_document_names_its_place(db: Db) {
    db.execute_script("CREATE TABLE people (id int4 PRIMARY KEY, profile jsonb)").await.unwrap();
    for (document, place) in WRONG {
        db.query("INSERT INTO people VALUES (1, NULL), (2, $1)")
            .bind(pgrepo::value::RawJson(document))
            .execute()
            .await
            .unwrap();
        let people = || db.repository::<Person>().all().order_by(Person::ID.asc());
        check(&people().fetch_all().await.unwrap_err(), place);
        let mut stream = people().stream().await.unwrap();
        assert!(stream.next().await.unwrap().is_some());
        check(&stream.next().await.unwrap_err(), place);
        let mut copied = db.repository::<Person>().copy_out().await.unwrap();
        assert!(copied.next().await.unwrap().is_some());
        check(&copied.next().await.unwrap_err(), place);
        db.query("DELETE FROM people").execute().await.unwrap();
    }
}

/// A map whose keys JSON has no form for.
type Keyed = BTreeMap<Vec<i32>, i32>;

#[derive(Debug, PgTable)]
#[pg(table = "odd")]
struct Odd {
    #[pg(primary_key)]
    id: i32,
    marks: Json<BTreeMap<String, Vec<Keyed>>>,
}

#[pgrepo::test]
async fn a_value_without_a_json_form_names_its_place(db: Db) {
    db.execute_script("CREATE TABLE odd (id int4 PRIMARY KEY, marks jsonb)").await.unwrap();
    let odd = |id| Odd {
        id,
        marks: Json(BTreeMap::from([("a".to_owned(), vec![BTreeMap::new(), BTreeMap::from([(vec![1], 1)])])])),
    };
    let fine = Odd { id: 1, marks: Json(BTreeMap::new()) };
    let repository = || db.repository::<Odd>();
    for (error, row) in [
        (repository().insert(odd(2)).await.unwrap_err(), None),
        (repository().copy_in([fine, odd(3)]).await.unwrap_err(), Some(1)),
    ] {
        assert_eq!(
            (error.kind(), error.field(), error.column()),
            (ErrorKind::Encode, Some("marks"), Some("marks")),
            "{error:?}"
        );
        assert!(row.is_none() || error.row() == row, "{error:?}");
        let value = std::iter::successors(std::error::Error::source(&error), |e| e.source())
            .find_map(|e| e.downcast_ref::<ValueError>())
            .unwrap();
        assert!(matches!(value.kind(), ValueErrorKind::NoJson { path: Some(path), .. } if path == "a[1]"), "{value:?}");
    }
    assert_eq!(repository().all().count().await.unwrap(), 0);
}
