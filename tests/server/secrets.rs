//! A password is shown nowhere.

use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use pgrepo::testkit::{Server, TestDatabase};
use pgrepo::{Db, DbConfig, Password};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::Direct;
use crate::tls::authority::Folder;

const CANARY: &str = "canary-zq7";

/// Keeps every line of the log, of every crate and level.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Lines {
    fn add(&self, what: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = format!("{} {} {}", what.level(), what.target(), what.name());
        record(&mut |field: &Field, value: &dyn fmt::Debug| write!(line, " {field}={value:?}").unwrap());
        let mut lines = self.0.lock().unwrap();
        lines.push_str(&line);
        lines.push('\n');
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(span.metadata(), |visit| span.record(visit));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = String::new();
        values.record(&mut |field: &Field, value: &dyn fmt::Debug| write!(line, " {field}={value:?}").unwrap());
        self.0.lock().unwrap().push_str(&line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata(), |visit| event.record(visit));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Every way in which a value can be shown.
fn shown(error: pgrepo::Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}\n");
    let mut cause: Option<&dyn StdError> = Some(&error);
    while let Some(error) = cause {
        write!(text, "{error}\n{error:?}\n").unwrap();
        cause = error.source();
    }
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| panic!("{error:?}"))).unwrap_err();
    text + panicked.downcast_ref::<String>().unwrap()
}

fn with_url(server: &Server, user: &str, password: &str, more: &str) -> String {
    format!("postgres://{user}:{password}@127.0.0.1:{}/postgres{more}", server.port().unwrap())
}

#[pgrepo::test]
async fn fault_43_a_canary_password_is_shown_nowhere(db: TestDatabase) {
    assert!(db.server().is_private(), "these tests need a private server: unset PGREPO_TEST_DATABASE_URL");
    let lines = Lines::default();
    let _on = tracing::subscriber::set_default(lines.clone());
    let role = format!("canary_{}", std::process::id());
    Direct::to(&db).await.run(&format!("CREATE ROLE {role} LOGIN PASSWORD '{CANARY}'")).await;
    lines.0.lock().unwrap().clear();
    let mut texts = Vec::new();

    // One that is right, in each way that it can be given.
    let folder = Folder::new("secrets");
    let (port, name) = (db.server().port().unwrap(), db.name().to_owned());
    let url = with_url(db.server(), &role, CANARY, "");
    let pgpass = folder.file("pgpass", &format!("127.0.0.1:{port}:*:{role}:{CANARY}\n"));
    let file = folder.file("password", CANARY);
    let with = |more: &str| format!("postgres://{role}@127.0.0.1:{port}/{name}?{more}");
    let none = DbConfig::from_url(&with("max_connections=1")).unwrap();
    for config in [
        DbConfig::from_url(&url).unwrap(),
        DbConfig::from_url(&with(&format!("password={CANARY}"))).unwrap(),
        DbConfig::from_url(&with(&format!("password_file={}", file.display()))).unwrap(),
        DbConfig::from_url(&with(&format!("passfile={}", pgpass.display()))).unwrap(),
        none.clone().with_pgpass(&pgpass).unwrap(),
        none.with_password_callback(|| async { Ok::<_, fmt::Error>(Password::new(CANARY)) }),
    ] {
        texts.push(format!("{config:?}\n{config:#?}\n{:?}", config.password));
        let ours = Db::connect(config).await.unwrap();
        assert_eq!(ours.query("SELECT $1::int4").bind(1).fetch_one::<i32>().await.unwrap(), 1);
        ours.query("DO $$ BEGIN RAISE NOTICE 'this is heard'; END $$").execute().await.unwrap();
        ours.ping().await.unwrap();
        texts.push(shown(ours.query("SELECT nonsense").execute().await.unwrap_err()));
        texts.push(format!("{ours:?}"));
    }

    // One that is wrong, or goes nowhere, or cannot be read.
    let wrong = format!("{CANARY}-wrong");
    for url in [
        with_url(db.server(), &role, &wrong, ""),
        with_url(db.server(), "nobody-of-that-name", CANARY, ""),
        with_url(db.server(), &role, CANARY, "?sslmode=require"),
        format!("postgres://{role}:{CANARY}@127.0.0.1:1/d"),
        format!("postgres://{role}:{CANARY}@no-such-host.invalid/d"),
        format!("postgres://{role}:{CANARY}@no-such-host.invalid/d?sslmode=disable"),
        format!("postgres://{role}:{CANARY}@127.0.0.1:70000/d"),
        format!("postgres://{role}:{CANARY}@127.0.0.1/d?sslmod=x"),
        format!("postgres://{role}:{CANARY}@127.0.0.1/d?password={CANARY}&password={CANARY}"),
        format!("postgres://{role}:{CANARY}%00@127.0.0.1/d"),
        format!("postgres://{role}:{CANARY}%ff@127.0.0.1/d"),
        format!("postgres://{role}:{CANARY}#@127.0.0.1/d"),
        format!("{role}:{CANARY}@127.0.0.1/d"),
    ] {
        texts.push(shown(Db::from_url(&url).await.expect_err("nothing is connected to")));
    }
    let failing = DbConfig::from_url(&with("max_connections=1")).unwrap();
    let failing = failing.with_password_callback(|| async { Err::<Password, _>(std::io::Error::other("no token")) });
    let error = Db::connect(failing).await.unwrap_err();
    assert_eq!(error.kind(), pgrepo::ErrorKind::Connection, "{error:?}");
    assert!(format!("{error:?}").contains("password callback failed\n  caused by: no token"), "{error:?}");
    texts.push(shown(error));

    let log = lines.text();
    assert!(log.contains("this is heard"), "the log is kept: {log}");
    for text in texts.iter().chain([&log]) {
        assert!(!text.contains(CANARY), "{text}");
    }
    assert!(texts.iter().any(|text| text.contains("***")), "the password is there, and is not shown");
    Direct::to(&db).await.run(&format!("DROP ROLE {role}")).await;
}

/// Each connection asks anew, the one outside the pool too.
#[pgrepo::test]
async fn a_password_that_is_renewed_is_asked_for_each_connection(db: TestDatabase) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let password = DbConfig::from_url(&db.tcp_url()).unwrap().password.unwrap();
    let mut config =
        DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(2).with_password_callback(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let password = password.clone();
            async { Ok::<_, fmt::Error>(password) }
        });
    config.statement_timeout = Some(std::time::Duration::from_millis(1500));
    config.lock_timeout = Some(std::time::Duration::from_micros(1));
    config.idle_in_transaction_timeout = Some(std::time::Duration::from_secs(60));
    let ours = Db::connect(config).await.unwrap();
    let (first, second) = (ours.begin().await.unwrap(), ours.begin().await.unwrap());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    first.rollback().await.unwrap();
    second.rollback().await.unwrap();
    ours.ping().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);

    // What the server was told at the start of the session.
    let sql = "SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' || \
               current_setting('idle_in_transaction_session_timeout')";
    assert_eq!(ours.query(sql).fetch_one::<String>().await.unwrap(), "1500ms 1ms 1min");
}
