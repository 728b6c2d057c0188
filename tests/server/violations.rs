//! Declared constraints that rows violate, by every way that writes rows.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, Error, PgTable};

use crate::support::Direct;

/// The same table in two schemas; PostgreSQL makes all names but one.
const TABLES: &str = "
    CREATE TABLE orgs (id int8 PRIMARY KEY);
    CREATE TABLE users (
        id int8 PRIMARY KEY, org_id int8 NOT NULL REFERENCES orgs, email text UNIQUE, name text NOT NULL,
        age int4 NOT NULL CHECK (age < 200), room int4, UNIQUE (org_id, name),
        CONSTRAINT one_room EXCLUDE (room WITH =));
    CREATE UNIQUE INDEX users_undeclared ON users ((length(name))) WHERE name > 'z';
    INSERT INTO orgs VALUES (1);
    INSERT INTO users VALUES (1, 1, 'ann@x', 'Ann', 30, 1);
";

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "users", constraints = "UserConstraint", unique = "email", unique = "org_id, name")]
#[pg(check = "users_age_check", foreign_key = "users_org_id_fkey", exclude = "one_room")]
struct User {
    #[pg(primary_key)]
    id: i64,
    org_id: i64,
    email: Option<String>,
    #[pg(column = "name")]
    called: Option<String>,
    age: i32,
    room: Option<i32>,
}

#[derive(Debug, PgTable)]
#[pg(table = "orgs", constraints = "OrgConstraint", primary_key = "orgs_pkey")]
struct Org {
    #[pg(primary_key)]
    id: i64,
}

/// A user who violates nothing.
fn user() -> User {
    let (email, called) = (Some("bo@x".to_owned()), Some("Bo".to_owned()));
    User { id: 2, org_id: 1, email, called, age: 30, room: Some(2) }
}

type Question = fn(&Error) -> bool;

/// One row for each constraint, and what says that it was violated.
fn wrong() -> Vec<(UserConstraint, User, Question)> {
    use UserConstraint::*;
    // Exhaustive: a constraint that is declared later must be tested too.
    let _all = |constraint| match constraint {
        PrimaryKey | UniqueEmail | UniqueOrgIdName | CheckAge | ForeignKeyOrgId | ExcludeOneRoom => (),
    };
    vec![
        (PrimaryKey, User { id: 1, ..user() }, Error::is_unique_violation),
        (UniqueEmail, User { email: Some("ann@x".to_owned()), ..user() }, Error::is_unique_violation),
        (UniqueOrgIdName, User { called: Some("Ann".to_owned()), ..user() }, Error::is_unique_violation),
        (CheckAge, User { age: 200, ..user() }, Error::is_check_violation),
        (ForeignKeyOrgId, User { org_id: 9, ..user() }, Error::is_foreign_key_violation),
        (ExcludeOneRoom, User { room: Some(1), ..user() }, Error::is_exclusion_violation),
    ]
}

/// Every way that writes a row; each must fail.
async fn each_way(db: &Db, schema: Option<&str>, row: &User) -> Vec<(&'static str, Error)> {
    let users = || db.repository::<User>();
    let err = |outcome: pgrepo::Result<()>| outcome.unwrap_err();
    let rows = [row.clone()];
    match schema {
        None => vec![
            ("insert", err(users().insert(row.clone()).await.map(drop))),
            ("insert_many", err(users().insert_many(rows.clone()).await.map(drop))),
            ("copy_in", err(users().copy_in(rows).await.map(drop))),
        ],
        Some(schema) => vec![
            ("insert", err(users().in_schema(schema).insert(row.clone()).await.map(drop))),
            ("insert_many", err(users().in_schema(schema).insert_many(rows.clone()).await.map(drop))),
            ("copy_in", err(users().in_schema(schema).copy_in(rows).await.map(drop))),
        ],
    }
}

#[pgrepo::test]
async fn each_declared_constraint_is_told(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(TABLES).await;
    direct.run(&format!("CREATE SCHEMA other; SET search_path = other; {TABLES}; RESET search_path")).await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    for schema in [None, Some("other")] {
        for (constraint, row, question) in wrong() {
            for (way, error) in each_way(&ours, schema, &row).await {
                assert_eq!(error.violation::<User>(), Some(constraint), "{way}, {schema:?}: {error:?}");
                assert_eq!(error.violation::<Org>(), None);
                assert!(question(&error) && error.is_constraint_violation() && !error.is_retryable(), "{error:?}");
                let others = [
                    error.is_unique_violation(),
                    error.is_check_violation(),
                    error.is_foreign_key_violation(),
                    error.is_exclusion_violation(),
                    error.is_not_null_violation(),
                ];
                assert_eq!(others.iter().filter(|yes| **yes).count(), 1, "{error:?}");
            }
        }
        // NULL has no constraint's name: the field is told.
        for (way, error) in each_way(&ours, schema, &User { called: None, ..user() }).await {
            assert!(error.is_not_null_violation(), "{way}: {error:?}");
            assert_eq!((error.column(), error.field()), (Some("name"), Some("called")), "{way}: {error:?}");
            assert_eq!(error.violation::<User>(), None);
        }
        // What is not declared is none of the enum's.
        let short = |id, name: &str| User { id, email: None, room: None, called: Some(name.to_owned()), ..user() };
        ours.query(format!("INSERT INTO {}.users VALUES (3, 1, NULL, 'zz', 1)", schema.unwrap_or("public")))
            .execute()
            .await
            .unwrap();
        for (way, error) in each_way(&ours, schema, &short(4, "zy")).await {
            assert!(error.is_unique_violation(), "{way}: {error:?}");
            assert_eq!((error.constraint(), error.violation::<User>()), (Some("users_undeclared"), None), "{way}");
        }
    }
    // A row that is referred to: the constraint is the other table's.
    let error = ours.repository::<Org>().delete(1).await.unwrap_err();
    assert!(error.is_foreign_key_violation(), "{error:?}");
    assert_eq!(error.violation::<User>(), Some(UserConstraint::ForeignKeyOrgId));
    assert_eq!(error.violation::<Org>(), None);
    let error = ours.repository::<Org>().insert(Org { id: 1 }).await.unwrap_err();
    assert_eq!(error.violation::<Org>(), Some(OrgConstraint::PrimaryKey));
    assert_eq!(error.violation::<User>(), None);
    // No violation at all.
    assert_eq!(ours.query("SELECT 1 / 0").execute().await.unwrap_err().violation::<User>(), None);
}

/// The detail quotes the row; it is told to who asks for it, and to nobody else.
#[pgrepo::test]
async fn a_rows_values_are_not_in_debug(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run(TABLES).await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    let canary = User { id: 77, email: Some("canary@x".to_owned()), called: Some("Canary".to_owned()), ..user() };
    ours.repository::<User>().insert(User { room: None, ..canary.clone() }).await.unwrap();
    let again = User { id: 78, room: None, ..canary.clone() };
    let mut quoted = 0;
    for row in [again, User { age: 1000, ..canary }] {
        for (way, error) in each_way(&ours, None, &row).await {
            let detail = error.server().unwrap().detail();
            assert_eq!(error.detail(), detail);
            quoted += usize::from(detail.unwrap().contains("canary@x"));
            let told = format!("{error} {error:?} {error:#?} {:?}", error.server().unwrap());
            assert!(!told.to_lowercase().contains("canary"), "{way}: {told}");
        }
    }
    assert_eq!(quoted, 6);
}
