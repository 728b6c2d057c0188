//! Transactions as another role, in other schemas, with settings of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DbConfig, ErrorKind, PgTable, Scope, Set, TxOptions};

use crate::support::{Direct, DropAt, Rng, pool};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "notes", new = "NewNote")]
struct Note {
    #[pg(primary_key, identity)]
    id: i64,
    #[pg(default)]
    tenant: i64,
    text: String,
}

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "words")]
struct Word {
    #[pg(primary_key)]
    id: i64,
    text: String,
}

const TENANTS: i64 = 100;
const CONNECTIONS: usize = 5;
const OPERATIONS: usize = 10_000;

/// A role of the database's own, so that tests do not meet.
fn role(db: &TestDatabase) -> String {
    db.name().replace("pgrepo_test", "tenant")
}

async fn set_up(db: &TestDatabase, connections: usize) -> (Db, Direct, String) {
    let (mut direct, role) = (Direct::to(db).await, role(db));
    direct
        .run(&format!(
            "CREATE ROLE {role}; \
             CREATE TABLE notes (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
             tenant int8 NOT NULL DEFAULT current_setting('app.tenant')::int8, text text NOT NULL); \
             INSERT INTO notes (tenant, text) SELECT t, 'of ' || t FROM generate_series(0, {TENANTS} - 1) t; \
             ALTER TABLE notes ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY own ON notes USING (tenant = current_setting('app.tenant')::int8); \
             GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {role}"
        ))
        .await;
    (pool(&db.url(), "scope", connections).await, direct, role)
}

fn new(text: &str) -> NewNote {
    NewNote { tenant: Set::Server, text: text.to_owned() }
}

/// Whoever gets the connection next is himself, in his own schema, with no setting of another's.
async fn is_as_before(db: &Db) {
    let sql = "SELECT current_user = session_user, current_setting('search_path'), \
               coalesce(current_setting('app.tenant', true), '')";
    let seen: (bool, String, String) = db.query(sql).fetch_one().await.unwrap();
    assert_eq!(seen, (true, "\"$user\", public".to_owned(), String::new()));
}

#[pgrepo::test(flavor = "multi_thread")]
async fn a_hundred_tenants_on_five_connections_see_no_row_of_another(db: TestDatabase) {
    const TASKS: usize = 10;
    let (ours, mut direct, role) = set_up(&db, CONNECTIONS).await;
    let (seen, written) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (ours, role, seen, written) = (ours.clone(), role.clone(), Arc::clone(&seen), Arc::clone(&written));
        tasks.spawn(async move {
            let mut rng = Rng(0x5eed_0077 + task as u64);
            for n in 0..OPERATIONS / TASKS {
                let tenant = i64::try_from(rng.below(usize::try_from(TENANTS).unwrap())).unwrap();
                let scope = Scope::role(&*role).set("app.tenant", tenant);
                let which = rng.below(5);
                let rows = ours.scope(scope).transaction(async |tx| {
                    let mut rows = tx.repository::<Note>().all().fetch_all().await?;
                    match which {
                        0 => rows.push(tx.repository::<Note>().insert(new("more")).await?),
                        1 => rows.extend(
                            tx.repository::<Note>()
                                .update_where(pgrepo::Filter::all())
                                .set(Note::TEXT.set("changed"))
                                .fetch_all()
                                .await?,
                        ),
                        // As one statement of another sort, whose text names the type of the table.
                        2 => drop(tx.repository::<Note>().insert_many([new("a"), new("b")]).await?),
                        _ => {}
                    }
                    Ok::<_, pgrepo::Error>(rows)
                });
                let rows = rows.await.unwrap();
                let foreign: Vec<_> = rows.iter().filter(|row| row.tenant != tenant).collect();
                assert!(foreign.is_empty(), "operation {n} of tenant {tenant} saw {foreign:?}");
                seen.fetch_add(rows.len() as u64, Ordering::Relaxed);
                written.fetch_add([1, 0, 2, 0, 0][which], Ordering::Relaxed);
                if n % 50 == 0 {
                    is_as_before(&ours).await;
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let (seen, written) = (seen.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
    println!("{OPERATIONS} operations saw {seen} rows and wrote {written}, none of them another's");
    let rows: i64 = direct.one("SELECT count(*) FROM notes").await;
    assert_eq!(rows.unsigned_abs(), written + TENANTS.unsigned_abs());
    ours.close().await;
    direct.run(&format!("DROP TABLE notes; DROP ROLE {role}")).await;
}

#[pgrepo::test]
async fn rows_of_another_tenant_cannot_be_written_nor_read_by_key(db: TestDatabase) {
    let (ours, _direct, role) = set_up(&db, 1).await;
    let scope = |tenant: i64| Scope::role(&*role).set("app.tenant", tenant);
    let mut tx = ours.scope(scope(1)).begin().await.unwrap();
    let mine = tx.repository::<Note>().all().fetch_one().await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = ours.scope(scope(2)).begin().await.unwrap();
    assert_eq!(tx.repository::<Note>().get(mine.id).await.unwrap(), None);
    assert!(!tx.repository::<Note>().delete(mine.id).await.unwrap());
    let foreign = NewNote { tenant: Set::To(1), text: "planted".to_owned() };
    let error = tx.repository::<Note>().insert(foreign).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().as_str(), "42501", "{error:?}");
    tx.rollback().await.unwrap();
    is_as_before(&ours).await;
    // A policy that asks for a tenant lets nobody in who has not said it.
    let counted = ours.scope(Scope::role(&*role)).transaction(async |tx| tx.repository::<Note>().all().count().await);
    let error = counted.await.unwrap_err();
    // A session that knew the setting once has it as an empty text, and no number.
    assert_eq!(error.sqlstate().unwrap().as_str(), "22P02", "{error:?}");
}

/// The same statements, prepared once on the one connection, in one schema after the other.
#[pgrepo::test]
async fn a_table_is_that_of_the_scopes_schema_on_one_connection(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    for n in 0..5 {
        direct.run(&format!("CREATE SCHEMA \"T {n}\"; CREATE TABLE \"T {n}\".words (id int8 PRIMARY KEY, text text NOT NULL); INSERT INTO \"T {n}\".words VALUES (0, 'of {n}')")).await;
    }
    direct.run("CREATE TABLE words (id int8 PRIMARY KEY, text text NOT NULL)").await;
    let ours = pool(&db.url(), "scope", 1).await;
    for round in 1..=3 {
        for n in 0..5 {
            let scope = Scope::default().schema(format!("T {n}"));
            let texts = ours.scope(scope).transaction_with(TxOptions::default(), async |tx| {
                let word = |id| Word { id, text: format!("{round} in {n}") };
                tx.repository::<Word>().insert_many([word(3 * round), word(3 * round + 1)]).await?;
                tx.repository::<Word>().insert_many_new([word(3 * round), word(0)]).await?;
                tx.repository::<Word>().copy_in([word(3 * round + 2)]).await?;
                tx.repository::<Word>().all().order_by(Word::ID.asc()).values(Word::TEXT).fetch_all().await
            });
            let texts = texts.await.unwrap();
            assert_eq!(i64::try_from(texts.len()).unwrap(), 1 + 3 * round);
            assert!(texts[1..].iter().all(|text| text.ends_with(&format!("in {n}"))), "{texts:?}");
            assert_eq!(texts[0], format!("of {n}"));
        }
        assert_eq!(ours.repository::<Word>().all().count().await.unwrap(), 0, "nothing in public");
        ours.repository::<Word>().insert_many_new([Word { id: 1, text: "p".to_owned() }]).await.unwrap();
        ours.repository::<Word>().delete(1_i64).await.unwrap();
        is_as_before(&ours).await;
    }
    // The first schema of several in which there is one.
    let both = Scope::default().schema("T 3").schema("T 4");
    let first = ours.scope(both).transaction(async |tx| tx.repository::<Word>().get(0_i64).await).await.unwrap();
    assert_eq!(first.unwrap().text, "of 3");
}

#[pgrepo::test]
async fn a_scope_costs_no_round_trip(db: TestDatabase) {
    let (_, _direct, role) = set_up(&db, 1).await;
    let proxy = crate::support::proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), "scope", 1).await;
    let queries = async |scope: Option<Scope>| {
        let before = proxy.counts().messages(b'Q');
        let tx = match scope {
            Some(scope) => ours.scope(scope).begin().await.unwrap(),
            None => ours.begin().await.unwrap(),
        };
        tx.rollback().await.unwrap();
        proxy.counts().messages(b'Q') - before
    };
    let without = queries(None).await;
    let scope = Scope::role(role).schema("public").set("app.tenant", 1).set("statement_timeout", "5s");
    assert_eq!((without, queries(Some(scope)).await), (2, 2));
}

/// Dropped at each of its polls, a scope leaves nothing to whoever comes next.
#[pgrepo::test]
async fn nothing_of_a_dropped_scope_is_left(db: TestDatabase) {
    let (ours, _direct, role) = set_up(&db, 1).await;
    for polls in 0..12 {
        let scope = Scope::role(&*role).schema("public").set("app.tenant", 7);
        let scoped = ours.scope(scope);
        let work = scoped.transaction(async |tx| {
            tx.repository::<Note>().all().count().await?;
            tx.repository::<Note>().insert(new("dropped")).await
        });
        DropAt::new(work, polls).await;
        is_as_before(&ours).await;
    }
}

#[pgrepo::test]
async fn a_scope_that_cannot_be_entered_is_an_error_before_anything_is_run(db: TestDatabase) {
    let (ours, mut direct, role) = set_up(&db, 1).await;
    let stranger = format!("{role}_x");
    direct.run(&format!("CREATE ROLE {stranger} LOGIN PASSWORD 's'; CREATE SCHEMA closed")).await;
    // As long as a name may be: a longer one would be cut to it.
    let long = format!("{role}{}", "z".repeat(63 - role.len()));
    direct.run(&format!("CREATE ROLE {long}; CREATE SCHEMA \"$user\"")).await;
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(1);
    (config.user, config.password) = (stranger.clone(), Some(pgrepo::Password::new("s")));
    let theirs = Db::connect(config).await.unwrap();
    let tenant = || Scope::role(&*role);
    let cases = [
        (&theirs, tenant(), "must be a member of"),
        (&ours, Scope::role("nobody_of_this_name"), "must be a member of nobody_of_this_name"),
        (&ours, Scope::role("x\"; DROP TABLE notes; --"), "must be a member of x\"; DROP"),
        (&ours, Scope::role("none"), "none is no role"),
        (&ours, Scope::role(""), "has no name"),
        (&ours, Scope::role(format!("{long}z")), "longer than 63 bytes"),
        (&ours, Scope::default().schema("$user"), "is that of the role"),
        (&ours, Scope::default().set("Transaction_Isolation", "serializable"), "set by TxOptions"),
        (&ours, Scope::default().set("transaction_read_only", "on"), "set by TxOptions"),
        (&ours, Scope::default().set("client_encoding", "LATIN1"), "is UTF-8"),
        (&ours, Scope::default().schema("missing").schema("public"), "there is no schema missing"),
        (&ours, tenant().schema("closed"), "there is no schema closed, or the role may not use it"),
        (&ours, Scope::default().schema("a\0b"), "zero byte"),
        (&ours, Scope::default().set("nonsense", 1), "could not be entered"),
        (&theirs, Scope::default().set("log_statement", "all"), "could not be entered"),
        (&ours, Scope::default().set("a'b.c", 1), "is no name of a setting"),
        (&ours, Scope::default().set("app.x", "a\0b"), "zero byte"),
        (&ours, Scope::default().set("Role", "postgres"), "set by Scope::role"),
        (&ours, Scope::default().set("search_path", "x"), "set by Scope::schema"),
    ];
    for (on, scope, wanted) in cases {
        let ran = std::sync::atomic::AtomicBool::new(false);
        let run = on.scope(scope.clone()).transaction_with(TxOptions::default(), async |tx| {
            ran.store(true, Ordering::Relaxed);
            tx.query("SELECT 1").execute().await
        });
        let error = run.await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Config, Some("begin")), "{scope:?}: {error:?}");
        assert!(error.to_string().contains(wanted), "{scope:?}: {error}");
        assert!(!ran.load(Ordering::Relaxed), "{scope:?}");
        is_as_before(on).await;
    }
    // What is quoted well does no harm.
    let odd = Scope::default().set("app.odd", "'; RESET ROLE; \\ \u{1F980}");
    let kept = ours
        .scope(odd)
        .transaction(async |tx| tx.query("SELECT current_setting('app.odd')").fetch_val::<String>().await);
    assert_eq!(kept.await.unwrap(), "'; RESET ROLE; \\ \u{1F980}");
    theirs.close().await;
    direct.run(&format!("DROP ROLE {stranger}; DROP ROLE {long}")).await;
}

/// `"$user"` in the `search_path` is another schema for each role.
#[pgrepo::test]
async fn a_table_is_that_of_the_scopes_role_on_one_connection(db: TestDatabase) {
    let (mut direct, ours) = (Direct::to(&db).await, pool(&db.url(), "scope", 1).await);
    let roles = ["a", "b"].map(|suffix| format!("{}_{suffix}", role(&db)));
    for role in &roles {
        direct.run(&format!("CREATE ROLE {role}; CREATE SCHEMA {role} AUTHORIZATION {role}")).await;
        direct.run(&format!("CREATE TABLE {role}.words (id int8 PRIMARY KEY, text text NOT NULL)")).await;
        direct.run(&format!("ALTER TABLE {role}.words OWNER TO {role}")).await;
    }
    for id in 0..4 {
        for role in &roles {
            let stored = ours.scope(Scope::role(role)).transaction(async |tx| {
                tx.repository::<Word>().insert_many_new([Word { id, text: role.clone() }]).await?;
                tx.repository::<Word>().all().values(Word::TEXT).fetch_all().await
            });
            let stored = stored.await.unwrap();
            assert_eq!(stored.len(), usize::try_from(id).unwrap() + 1);
            assert!(stored.iter().all(|text| text == role), "{stored:?}");
        }
    }
    for role in &roles {
        direct.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    }
}
