//! Paths into documents, against what serde_json and the server say.

mod documents;
mod paths;
mod probe;

use std::collections::BTreeMap;

use pgrepo::{Db, Json, PgJson, PgTable};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
#[serde(rename_all = "camelCase")]
struct Profile {
    full_name: String,
    city: Option<String>,
    age: i64,
    skills: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<String, i64>,
    #[serde(flatten)]
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Place {
    lat: f64,
    #[serde(rename = "the \"lon\" o'clock\\")]
    lon: f64,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "people")]
struct Person {
    #[pg(primary_key)]
    id: i32,
    profile: Json<Profile>,
}

fn person(id: i32) -> Person {
    let profile = Profile {
        full_name: format!("P{id}"),
        city: (id % 3 != 0).then(|| format!("C{}", id % 1000)),
        age: i64::from(id),
        skills: vec![format!("s{}", id % 700), "any".to_owned()],
        settings: BTreeMap::new(),
        place: Place { lat: f64::from(id) / 2.0, lon: 1.5 },
    };
    Person { id, profile: Json(profile) }
}

async fn filled(db: &Db, rows: i32) {
    db.execute_script("CREATE TABLE people (id int4 PRIMARY KEY, profile jsonb NOT NULL)").await.unwrap();
    db.repository::<Person>().copy_in((0..rows).map(person)).await.unwrap();
}

async fn ids(db: &Db, filter: pgrepo::Filter<'_, Person>) -> Vec<i32> {
    let found = db.repository::<Person>().find(filter).order_by(Person::ID.asc()).fetch_all().await.unwrap();
    found.into_iter().map(|person| person.id).collect()
}

#[pgrepo::test]
async fn conditions_find_what_they_say(db: Db) {
    filled(&db, 10).await;
    let (city, age) = (Person::PROFILE.at(Profile::CITY), Person::PROFILE.at(Profile::AGE));
    assert_eq!(ids(&db, city.eq("C4")).await, [4]);
    assert_eq!(ids(&db, city.eq(None)).await, [0, 3, 6, 9]);
    assert_eq!(ids(&db, city.is_null()).await, [0, 3, 6, 9]);
    assert_eq!(ids(&db, city.ne("C4")).await, [1, 2, 5, 7, 8]);
    assert_eq!(ids(&db, city.in_(["C4", "C5", "none"])).await, [4, 5]);
    assert_eq!(ids(&db, age.between(3, 5)).await, [3, 4, 5]);
    assert_eq!(ids(&db, age.ge(8)).await, [8, 9]);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::SKILLS).has("s7")).await, [7]);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::SKILLS).index(0).eq("any")).await, [0; 0]);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::SKILLS).index(1).eq("any")).await.len(), 10);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::PLACE.at(Place::LAT)).lt(1.0)).await, [0, 1]);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::PLACE.at(Place::LON)).eq(1.5)).await.len(), 10);
    assert_eq!(ids(&db, Person::PROFILE.at(Profile::SETTINGS).is_missing()).await.len(), 10);
}

#[pgrepo::test]
async fn changes_of_one_column_are_made_one_after_the_other(db: Db) {
    filled(&db, 2).await;
    let at = Person::PROFILE;
    let changes = [
        at.at(Profile::CITY).set("La Paz"),
        at.at(Profile::AGE).increment(5),
        at.at(Profile::AGE).increment(5),
        at.at(Profile::SKILLS).push("new"),
        at.at(Profile::SKILLS).index(0).remove(),
        at.at(Profile::SETTINGS).key("theme").set(7),
        at.at(Profile::SETTINGS).merge(serde_json::json!({"size": 1})),
    ];
    assert!(db.repository::<Person>().patch(1, changes).await.unwrap());
    let Json(one) = db.repository::<Person>().get(1).await.unwrap().unwrap().profile;
    assert_eq!(one.city.as_deref(), Some("La Paz"));
    assert_eq!(one.age, 11);
    assert_eq!(one.skills, ["any", "new"]);
    assert_eq!(one.settings, BTreeMap::from([("size".to_owned(), 1), ("theme".to_owned(), 7)]));
    let refused = at.at(Profile::SETTINGS).merge(5);
    assert!(db.repository::<Person>().patch(1, [refused]).await.is_err());
}

async fn plan(db: &Db, condition: &str) -> String {
    let lines: Vec<String> = db.query(format!("EXPLAIN SELECT * FROM people {condition}")).fetch_all().await.unwrap();
    lines.join("\n")
}

#[pgrepo::test]
async fn indexes_serve_the_conditions(db: Db) {
    filled(&db, 100_000).await;
    let age = Person::PROFILE.at(Profile::AGE);
    db.execute_script(&format!("{}; {}; ANALYZE people", Person::PROFILE.gin_index_ddl(), age.index_ddl()))
        .await
        .unwrap();
    let sql = db.repository::<Person>().all().order_by(age.desc()).limit(10).sql();
    let tail = sql.split_once(" ORDER BY").unwrap().1;
    let order = plan(&db, &format!("ORDER BY{tail}").replace("$1", "10")).await;
    assert!(order.contains("people_profile_age_idx"), "{order}");
    let filter = db.repository::<Person>().find(age.lt(100)).sql();
    let range = plan(&db, &format!("WHERE{}", filter.split_once(" WHERE").unwrap().1.replace("$1", "'100'"))).await;
    assert!(range.contains("people_profile_age_idx"), "{range}");
    let filter = db.repository::<Person>().find(Person::PROFILE.at(Profile::FULL_NAME).eq("P77")).sql();
    let document = "'{\"fullName\":\"P77\"}'::jsonb";
    let equal = plan(&db, &format!("WHERE{}", filter.split_once(" WHERE").unwrap().1.replace("$1", document))).await;
    assert!(equal.contains("people_profile_gin"), "{equal}");
}

#[pgrepo::test]
async fn a_path_leads_to_what_serde_json_finds(db: Db) {
    filled(&db, 50).await;
    let at = Person::PROFILE;
    let paths = [
        (at.at(Profile::FULL_NAME).sql(), at.at(Profile::FULL_NAME).pointer()),
        (at.at(Profile::CITY).sql(), at.at(Profile::CITY).pointer()),
        (at.at(Profile::SKILLS).index(0).sql(), at.at(Profile::SKILLS).index(0).pointer()),
        (at.at(Profile::PLACE.at(Place::LAT)).sql(), at.at(Profile::PLACE.at(Place::LAT)).pointer()),
        (at.at(Profile::PLACE.at(Place::LON)).sql(), at.at(Profile::PLACE.at(Place::LON)).pointer()),
        (at.at(Profile::SETTINGS).sql(), at.at(Profile::SETTINGS).pointer()),
    ];
    for (sql, pointer) in paths {
        let sql = format!("SELECT {sql} FROM people ORDER BY id");
        let found: Vec<Option<serde_json::Value>> = db.query(&sql).fetch_all().await.unwrap();
        for (id, found) in (0..).zip(found) {
            let whole = serde_json::to_value(person(id).profile).unwrap();
            assert_eq!(found.as_ref(), whole.pointer(&pointer), "{pointer}");
        }
    }
}
