//! Paths into documents, against what serde_json and the server say.

mod documents;
mod edits;
mod paths;
mod places;
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
        settings: if id % 70 == 7 && id > 10 { [(format!("n{id}"), i64::from(id))].into() } else { BTreeMap::new() },
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

/// The plan of the rows that a condition finds.
async fn plan(db: &Db, filter: pgrepo::Filter<'_, Person>) -> String {
    db.repository::<Person>().find(filter).explain().await.unwrap()
}

#[pgrepo::test]
async fn indexes_serve_the_conditions(db: Db) {
    filled(&db, 100_000).await;
    let at = Person::PROFILE;
    let (name, age, skills) = (at.at(Profile::FULL_NAME), at.at(Profile::AGE), at.at(Profile::SKILLS));
    let settings = at.at(Profile::SETTINGS);
    let lat = at.at(Profile::PLACE.at(Place::LAT));
    let indexes =
        [at.gin_index_ddl(), age.index_ddl(), lat.index_ddl(), name.index_ddl(), settings.key_index_ddl()].join("; ");
    db.execute_script(&format!("{indexes}; ANALYZE people")).await.unwrap();
    let part = serde_json::json!({"age": 5, "skills": ["s5"]});
    for (index, filter) in [
        ("people_profile_gin", name.eq("P77")),
        ("people_profile_gin", age.eq(5)),
        ("people_profile_gin", name.in_(["P77", "P78", "none"])),
        ("people_profile_gin", lat.is_null()),
        ("people_profile_gin", skills.has("s7")),
        ("people_profile_gin", skills.index(0).eq("s7")),
        ("people_profile_gin", skills.contains(["s7", "any"])),
        ("people_profile_gin", at.document().contains(part)),
        ("people_profile_gin", settings.contains(serde_json::json!({"n77": 77}))),
        ("people_profile_gin", settings.key("n77").eq(77)),
        ("people_profile_age_idx", age.lt(100)),
        ("people_profile_age_idx", age.between(500, 600)),
        ("people_profile_age_idx", age.gt(99_900)),
        ("people_profile_lat_idx", lat.le(3.5)),
        ("people_profile_fullName_idx", name.ge("P9999")),
        ("people_profile_settings_keys", settings.has_key("n77")),
        ("people_profile_settings_keys", settings.has_any_key(["n77", "n78"])),
        ("people_profile_settings_keys", settings.has_all_keys(["n77", "n78"])),
    ] {
        let shown = format!("{filter:?}");
        let plan = plan(&db, filter).await;
        assert!(plan.contains(index), "{shown}: {plan}");
    }
    for sort in [age.asc(), age.desc(), age.desc().nulls_first()] {
        let find = db.repository::<Person>().all().order_by(sort).limit(10);
        let plan = find.explain().await.unwrap();
        assert!(plan.contains("people_profile_age_idx") && !plan.contains("Sort"), "{plan}");
    }
}

#[derive(Debug, Clone, PgTable)]
#[pg(table = "notes")]
struct Note {
    #[pg(primary_key)]
    id: i32,
    note: serde_json::Value,
}

#[pgrepo::test]
async fn an_index_serves_the_keys_of_a_whole_document(db: Db) {
    db.execute_script("CREATE TABLE notes (id int4 PRIMARY KEY, note jsonb NOT NULL)").await.unwrap();
    let note = |id: i32| serde_json::json!({format!("k{id}"): id, "all": [id % 500]});
    db.repository::<Note>().copy_in((0..100_000).map(|id| Note { id, note: note(id) })).await.unwrap();
    let whole = Note::NOTE.document();
    db.execute_script(&format!("{}; ANALYZE notes", whole.key_index_ddl())).await.unwrap();
    let key = whole.key("all");
    for filter in [
        whole.has_key("k5"),
        whole.has_any_key(["k5", "k6"]),
        whole.has_all_keys(["k5", "all"]),
        key.has(serde_json::json!(77)),
        whole.contains(serde_json::json!({"k5": 5})),
    ] {
        let shown = format!("{filter:?}");
        let plan = db.repository::<Note>().find(filter).explain().await.unwrap();
        assert!(plan.contains("notes_note_keys"), "{shown}: {plan}");
    }
    assert_eq!(db.repository::<Note>().find(whole.has_any_key(["k5", "k7"])).count().await.unwrap(), 2);
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
