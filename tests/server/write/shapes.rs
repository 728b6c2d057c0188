//! Structs that borrow, embed others or have parameters, and views.

use pgrepo::{Changes, Db, Encode, PgPatch, PgRecord, PgTable, SqlType};

#[derive(Debug, Clone, PartialEq, PgRecord)]
struct Address {
    street: String,
    city: Option<String>,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "people", unique = "name, home_street")]
struct Person<T>
where
    T: Clone,
{
    #[pg(primary_key)]
    id: i32,
    name: T,
    #[pg(flatten = "home_")]
    home: Address,
}

#[derive(PgPatch)]
#[pg(of = Person<T>)]
struct Move<T>
where
    T: Clone + SqlType + Encode + Send + Sync,
{
    name: Option<T>,
    #[pg(constant = "HOME.at(Address::CITY)")]
    city: Option<Option<String>>,
}

#[derive(Debug, PgTable)]
#[pg(table = "people")]
struct Slim<'a> {
    #[pg(primary_key)]
    id: i32,
    name: &'a str,
    home_street: &'a str,
}

const PEOPLE: &str = "CREATE TABLE people (id int4 PRIMARY KEY, name text, home_street text, home_city text, UNIQUE (name, home_street))";

fn person(id: i32, name: &str, street: &str) -> Person<String> {
    Person { id, name: name.into(), home: Address { street: street.into(), city: None } }
}

#[pgrepo::test(sql = "")]
async fn embedded_generic_and_borrowed_structs_are_written(db: Db) {
    db.execute_script(PEOPLE).await.unwrap();
    let people = db.repository::<Person<String>>();
    assert_eq!(people.insert(person(1, "a", "x")).await.unwrap(), person(1, "a", "x"));
    let done = people.upsert_on(Person::UNIQUE_NAME_HOME_STREET, person(9, "a", "x")).await.unwrap();
    assert_eq!((done.inserted, done.row.id), (false, 1));
    assert_eq!(
        people
            .insert_many_new_on(Person::UNIQUE_NAME_HOME_STREET, [person(2, "a", "x"), person(3, "a", "y")])
            .await
            .unwrap(),
        [false, true]
    );
    let moved = Move { name: None::<String>, city: Some(Some("Ulm".into())) };
    assert!(people.patch(1, moved).await.unwrap());
    assert_eq!(people.get(1).await.unwrap().unwrap().home.city.as_deref(), Some("Ulm"));
    assert_eq!(Move { name: Some("b".to_owned()), city: None }.assignments().len(), 1);
    let text = String::from("slim");
    let slim = Slim { id: 4, name: &text, home_street: "z" };
    assert_eq!(db.repository::<Slim<'static>>().insert_many([slim]).await.unwrap(), 1);
    assert_eq!(people.get(4).await.unwrap(), Some(person(4, "slim", "z")));
}

#[pgrepo::test(sql = "")]
async fn a_view_that_can_be_written_is(db: Db) {
    db.execute_script(PEOPLE).await.unwrap();
    db.execute_script("ALTER TABLE people RENAME TO all_people; CREATE VIEW people AS SELECT * FROM all_people")
        .await
        .unwrap();
    let people = db.repository::<Person<String>>();
    assert_eq!(people.insert_many([person(1, "a", "x"), person(2, "b", "x")]).await.unwrap(), 2);
    assert!(!people.upsert(person(1, "c", "x")).await.unwrap().inserted, "a view has no system columns");
    assert!(people.upsert(person(3, "d", "x")).await.unwrap().inserted);
    assert_eq!(people.insert_many_new([person(3, "d", "x"), person(4, "e", "x")]).await.unwrap(), [false, true]);
    assert_eq!(people.get_many([4, 1]).await.unwrap(), [Some(person(4, "e", "x")), Some(person(1, "c", "x"))]);
    assert_eq!(people.update(person(4, "f", "x")).await.unwrap(), Some(person(4, "f", "x")));
}
