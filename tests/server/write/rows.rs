use pgrepo::{Changes, Db, ErrorKind, PgInsert, PgPatch, PgTable, Set};

use super::*;

#[derive(PgInsert)]
#[pg(of = User)]
struct Email<'a> {
    email: &'a str,
    org: Set<i32>,
}

#[pgrepo::test(sql = "")]
async fn a_row_is_inserted_and_comes_back_as_the_server_made_it(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    assert_eq!((ann.id, ann.org, ann.initials.as_deref()), (1, 7, Some("A")));
    assert_eq!((ann.mood, &ann.tags[..]), (Some(Mood::Happy), &["x".to_owned(), "y\"z".to_owned()][..]));
    let same = User { email: "bob".into(), name: None, ..ann.clone() };
    let bob = users.insert(&same).await.unwrap();
    assert_eq!((bob.id, bob.initials.as_deref(), bob.org), (2, Some("B"), 7), "the server numbers it");
    let eve = users.insert(Email { email: "eve", org: Set::Server }).await.unwrap();
    assert_eq!((eve.id, eve.org, eve.mood, eve.tags.len()), (3, 7, None, 0));
    let zed = users.insert(Email { email: "zed", org: Set::To(9) }).await.unwrap();
    assert_eq!(zed.org, 9);
    let twice = users.insert(new("ann")).await.unwrap_err();
    assert!(twice.is_unique_violation(), "{twice:?}");
    assert_eq!((twice.operation(), twice.table()), (Some("insert"), Some("users")));
    assert_eq!(users.insert_new(new("ann")).await.unwrap(), None);
    assert_eq!(users.insert_new(new("fay")).await.unwrap().unwrap().email, "fay");
}

#[derive(Debug, PgTable)]
#[pg(table = "odd")]
struct Odd {
    #[pg(identity)]
    id: i32,
}

#[derive(Debug, PgTable)]
#[pg(table = "users")]
struct Wrong {
    email: i32,
}

#[pgrepo::test(sql = "")]
async fn what_cannot_be_inserted_is_named(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    db.execute_script("CREATE TABLE odd (id int4 GENERATED ALWAYS AS IDENTITY)").await.unwrap();
    assert_eq!(db.repository::<Odd>().insert(Odd { id: 5 }).await.unwrap().id, 1, "nothing is sent");
    let wrong = db.repository::<Wrong>().insert(Wrong { email: 5 }).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.field(), wrong.column()), (ErrorKind::Mismatch, Some("email"), Some("email")));
    let said = wrong.to_string();
    assert!(said.contains("text") && said.contains("i32") && said.contains("int4"), "{said}");
    let nul = db.repository::<User>().insert(new("a\0")).await.unwrap_err();
    assert_eq!((nul.kind(), nul.field()), (ErrorKind::Encode, Some("email")), "{nul:?}");
}

#[derive(Default, PgPatch)]
#[pg(of = User)]
struct UserPatch<'a> {
    email: Option<&'a str>,
    name: Option<Option<String>>,
    mood: Option<Option<Mood>>,
    #[pg(skip)]
    note: u8,
}

#[pgrepo::test(sql = "")]
async fn a_patch_changes_what_it_names(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    let ann = users.insert(new("ann")).await.unwrap();
    let patch = UserPatch { name: Some(None), email: Some("anna"), note: 1, ..UserPatch::default() };
    assert_eq!(patch.note, 1);
    assert!(users.patch(ann.id, patch).await.unwrap());
    let now = users.get(ann.id).await.unwrap().unwrap();
    assert_eq!(now, User { email: "anna".into(), name: None, ..ann.clone() });
    assert!(users.patch(ann.id, UserPatch::default()).await.unwrap(), "no change, and the row is there");
    assert!(!users.patch(99, UserPatch::default()).await.unwrap());
    assert!(!users.patch(99, [User::EMAIL.set("x")]).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    let sad = UserPatch { mood: Some(Some(Mood::Sad)), ..UserPatch::default() };
    assert_eq!(sad.assignments().len(), 1);
    assert!(tx.repository::<User>().patch(ann.id, vec![User::MOOD.set(None)]).await.unwrap());
    tx.rollback().await.unwrap();
    assert_eq!(users.get(ann.id).await.unwrap().unwrap(), now);
}

#[pgrepo::test(sql = "")]
async fn rows_are_updated_and_deleted_by_key_and_by_condition(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let users = db.repository::<User>();
    for name in ["ann", "bob", "cat"] {
        users.insert(new(name)).await.unwrap();
    }
    let mut ann = users.get(1).await.unwrap().unwrap();
    ann.tags.clear();
    ann.email = "zoe".into();
    let now = users.update(&ann).await.unwrap().unwrap();
    assert_eq!((now.id, now.initials.as_deref(), now.tags.len()), (1, Some("Z"), 0));
    assert_eq!(users.update(User { id: 99, ..ann.clone() }).await.unwrap(), None);
    let without = users.update(new("ann")).await.unwrap_err();
    assert_eq!((without.kind(), without.column()), (ErrorKind::Mismatch, Some("id")), "{without}");

    let some = users.update_where(User::ID.gt(1)).set(User::ORG.set(1)).set(User::MOOD.set(None));
    assert_eq!(some.sql(), r#"UPDATE "users" SET "org" = $1, "mood" = $2 WHERE "id" > $3"#);
    assert_eq!(some.execute().await.unwrap(), 2);
    let both = users.update_where(User::ORG.eq(1)).set(User::TAGS.set(vec![])).fetch_all().await.unwrap();
    assert_eq!(both.iter().map(|u| (u.org, u.mood, u.tags.len())).collect::<Vec<_>>(), [(1, None, 0), (1, None, 0)]);
    let nothing = users.update_where(User::ORG.eq(1)).execute().await.unwrap_err();
    assert!(nothing.to_string().contains("no column is given a value"), "{nothing}");

    let mut tx = db.begin().await.unwrap();
    let gone = tx.repository::<User>().delete_where(User::ID.gt(2)).fetch_all().await.unwrap();
    assert_eq!(gone.iter().map(|u| u.id).collect::<Vec<_>>(), [3]);
    assert_eq!(tx.repository::<User>().delete_where(pgrepo::Filter::all()).execute().await.unwrap(), 2);
    tx.rollback().await.unwrap();
    assert_eq!(users.delete_where(User::EMAIL.eq("zoe")).execute().await.unwrap(), 1);
    assert_eq!(users.all().fetch_all().await.unwrap().len(), 2);
}

#[pgrepo::test(sql = "")]
async fn a_row_that_is_a_key_alone_is_updated(db: Db) {
    #[derive(Debug, Clone, PartialEq, PgTable)]
    #[pg(table = "k")]
    struct Key {
        #[pg(primary_key)]
        id: i32,
    }
    db.execute_script("CREATE TABLE k (id int4 PRIMARY KEY)").await.unwrap();
    let keys = db.repository::<Key>();
    assert!(keys.upsert(Key { id: 1 }).await.unwrap().inserted);
    assert!(!keys.upsert(Key { id: 1 }).await.unwrap().inserted);
    assert_eq!(keys.update(Key { id: 1 }).await.unwrap(), Some(Key { id: 1 }));
    assert_eq!(keys.update(Key { id: 2 }).await.unwrap(), None);
}
