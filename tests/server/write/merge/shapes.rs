//! Merges into tables of many kinds.

use pgrepo::{Db, Json, PgEnum, PgTable, Set};
use serde::{Deserialize, Serialize};

use super::*;

#[pgrepo::test(sql = "")]
async fn a_merge_goes_into_another_schema(db: Db) {
    let other = SEATS.replace("seats", "\"te\"\"n ant\".seats");
    db.execute_script(&format!("{SEATS}; CREATE SCHEMA \"te\"\"n ant\"; {other}")).await.unwrap();
    let here = db.repository::<Seat>();
    let there = here.in_schema("te\"n ant");
    let batch = [seat(1, "A", None), seat(700, "B", Some("x"))];
    assert_eq!(counts(there.merge(&batch).execute().await.unwrap()), [2, 0, 0, 0, 0]);
    assert_eq!(there.merge(&batch).fetch_all().await.unwrap()[1].row, batch[1]);
    assert_eq!(counts(there.update_many([seat(1, "A", Some("y"))]).execute().await.unwrap()), [0, 1, 0, 0, 0]);
    assert_eq!(there.delete_many([(700, "B")]).execute().await.unwrap().deleted, 1);
    assert_eq!((here.all().count().await.unwrap(), there.all().count().await.unwrap()), (0, 1));
    let error = here.in_schema("nowhere").merge(&batch).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (pgrepo::ErrorKind::Mismatch, Some("nowhere.seats")), "{error:?}");
    let long = "x".repeat(64);
    let error = here.in_schema(&long).merge(&batch).execute().await.unwrap_err();
    assert_eq!(error.kind(), pgrepo::ErrorKind::Mismatch, "{error:?}");
}

#[pgrepo::test(sql = "")]
async fn an_identity_that_rows_are_found_by_is_stored_and_others_are_numbered(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    let batch = [
        User { email: "renamed".into(), ..ann.clone() },
        User { id: 50, email: "fifty".into(), name: Some("fifty".into()), ..ann.clone() },
    ];
    let merged = users.merge(&batch).fetch_all().await.unwrap();
    assert_eq!((merged[0].row.id, &*merged[0].row.email), (1, "renamed"));
    assert_eq!((merged[1].row.id, merged[1].row.initials.as_deref()), (50, Some("F")));
    // By the other key the number of the struct is not looked at.
    let merged = users.merge_on(User::UNIQUE_EMAIL, [User { id: 777, email: "g".into(), name: None, ..ann }]);
    let merged = merged.fetch_all().await.unwrap();
    assert_eq!((merged[0].row.id, merged[0].outcome), (2, MergeOutcome::Inserted));
    let error = users.merge([new("x")]).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (pgrepo::ErrorKind::Mismatch, Some("id")), "{error}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Doc {
    a: i32,
    b: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "si ze", rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(schema = "od\"d", table = "ta'ble; --")]
struct Odd {
    #[pg(primary_key, column = "k'ey\\")]
    key: String,
    #[pg(primary_key, column = "select")]
    size: Size,
    #[pg(column = "pgrepo: number", sql_type = "json")]
    json: Json<Doc>,
    #[pg(column = "s.\"n\"")]
    jsonb: Json<Doc>,
    mark: Option<f64>,
    n: Vec<Option<i32>>,
}

const ODD: &str = "CREATE SCHEMA \"od\"\"d\"; CREATE TYPE \"od\"\"d\".\"si ze\" AS ENUM ('small', 'large'); \
    CREATE TABLE \"od\"\"d\".\"ta'ble; --\" (\"k'ey\\\" varchar(20), \"select\" \"od\"\"d\".\"si ze\", \
    \"pgrepo: number\" json NOT NULL, \"s.\"\"n\"\"\" jsonb NOT NULL, mark float8, n int4[] NOT NULL, \
    PRIMARY KEY (\"select\", \"k'ey\\\"))";

#[pgrepo::test(sql = "")]
async fn names_of_any_kind_json_and_enums(db: Db) {
    db.execute_script(ODD).await.unwrap();
    let odds = db.repository::<Odd>();
    let doc = |a| Json(Doc { a, b: Some("\"'\\".into()) });
    let odd = |key: &str, size, a| Odd {
        key: key.into(),
        size,
        json: doc(a),
        jsonb: doc(a),
        mark: Some(f64::NAN),
        n: vec![None, Some(a)],
    };
    let batch = [odd("a", Size::Large, 1), odd("a", Size::Small, 2), odd("b'", Size::Small, 3)];
    assert_eq!(counts(odds.merge(&batch).execute().await.unwrap()), [3, 0, 0, 0, 0]);
    assert_eq!(counts(odds.merge(&batch).execute().await.unwrap()), [0, 0, 3, 0, 0], "NaN is the same as NaN");
    let mut changed = batch.to_vec();
    changed[1].json = doc(20);
    changed[2].jsonb = doc(30);
    changed[2].mark = None;
    let merged = odds.merge(&changed).fetch_all().await.unwrap();
    let outcomes: Vec<_> = merged.iter().map(|m| m.outcome).collect();
    assert_eq!(outcomes, [MergeOutcome::Unchanged, MergeOutcome::Updated, MergeOutcome::Updated]);
    assert_eq!(format!("{:?}{:?}", merged[1].row, merged[2].row), format!("{:?}{:?}", changed[1], changed[2]));
    assert_eq!(
        odds.delete_many([("a", Size::Large), ("b'", Size::Small)]).fetch_all().await.unwrap().iter().flatten().count(),
        2
    );
    let error = odds.merge([odd(&"x".repeat(21), Size::Small, 1)]).execute().await.unwrap_err();
    assert_eq!((error.row(), error.field(), error.column()), (Some(0), Some("key"), Some("k'ey\\")), "{error:?}");
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "pages")]
struct Page {
    #[pg(primary_key)]
    path: String,
    title: String,
    #[pg(version)]
    version: i32,
}

#[pgrepo::test(sql = "CREATE TABLE pages (path text PRIMARY KEY, title text NOT NULL, version int4 NOT NULL)")]
async fn a_version_is_counted_up_where_the_row_is_written(db: Db) {
    let pages = db.repository::<Page>();
    let page = |path: &str, title: &str| Page { path: path.into(), title: title.into(), version: 5 };
    assert_eq!(pages.merge([page("a", "1"), page("b", "1")]).execute().await.unwrap().inserted, 2);
    let merged = pages.merge([page("a", "2"), page("b", "1")]).fetch_all().await.unwrap();
    assert_eq!((merged[0].row.version, merged[1].row.version), (6, 5));
    assert_eq!(pages.update_many([page("b", "2")]).execute().await.unwrap().updated, 1);
    assert_eq!(pages.get("b").await.unwrap().unwrap().version, 6);
    assert_eq!(pages.merge([page("b", "3")]).update_none().execute().await.unwrap().unchanged, 1);
    let error = pages.merge([page("b", "3")]).update(Page::VERSION).execute().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (pgrepo::ErrorKind::Mismatch, Some("version")), "{error}");
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "keys")]
struct Key {
    #[pg(primary_key)]
    id: i32,
}

#[pgrepo::test(sql = "CREATE TABLE keys (id int4 PRIMARY KEY)")]
async fn rows_that_are_a_key_alone(db: Db) {
    let keys = db.repository::<Key>();
    assert_eq!(counts(keys.merge([1, 2].map(|id| Key { id })).execute().await.unwrap()), [2, 0, 0, 0, 0]);
    let merged = keys.merge([2, 3].map(|id| Key { id })).fetch_all().await.unwrap();
    assert_eq!(merged.iter().map(|m| m.outcome).collect::<Vec<_>>(), [MergeOutcome::Unchanged, MergeOutcome::Inserted]);
}

#[pgrepo::test(sql = "")]
async fn triggers_run_and_what_they_store_comes_back(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let trigger = "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN NEW.\"na\"\"me\" := upper(NEW.\"na\"\"me\"); RETURN NEW; END $$; \
        CREATE TRIGGER shout BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION shout()";
    db.execute_script(trigger).await.unwrap();
    let users = db.repository::<User>();
    let merged = users.merge_on(User::UNIQUE_EMAIL, [new("a")]).fetch_all().await.unwrap();
    assert_eq!((merged[0].row.name.as_deref(), merged[0].outcome), (Some("A"), MergeOutcome::Inserted));
    let merged =
        users.merge_on(User::UNIQUE_EMAIL, [NewUser { org: Set::Server, ..new("a") }]).fetch_all().await.unwrap();
    assert_eq!((merged[0].row.name.as_deref(), merged[0].outcome), (Some("a"), MergeOutcome::Updated));
}
