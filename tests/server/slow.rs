//! What the log says of slow statements.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, PgTable, WithDeadline};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::config;

/// Keeps pgrepo's warnings as text.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// What has come since it was asked last.
    pub(crate) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        *meta.level() <= Level::WARN && meta.target().starts_with("pgrepo")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Debug, PgTable)]
#[pg(table = "t")]
struct Line1 {
    text: String,
}

#[pgrepo::test]
async fn a_slow_statement_is_told_with_its_text_and_never_with_its_values(test: TestDatabase) {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let lines = || log.lines();
    let mut config = config(&test.url(), "slow", 2);
    config.slow_statement = Some(Duration::from_millis(200));
    let ours = Db::connect(config).await.unwrap();
    let query = |seconds: f64| ours.query("SELECT $1::text FROM pg_sleep($2)").bind("canary").bind(seconds);
    query(0.3).fetch_one::<String>().await.unwrap();
    let told = lines();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "slow statement",
        "operation=\"fetch_one\"",
        "took=",
        "limit=200ms",
        "sql=\"SELECT $1::text FROM pg_sleep($2)\"",
    ] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    assert!(!told[0].contains("canary"), "{told:?}");
    // However it ends.
    query(60.0).execute().with_deadline(Duration::from_millis(300)).await.unwrap_err();
    ours.execute_script("SELECT pg_sleep(0.3); SELECT 1 / 0").await.unwrap_err();
    let told = lines();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("execute") && told[1].contains("execute_script"), "{told:?}");
    ours.execute_script(
        "CREATE TABLE t (text text NOT NULL); CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$; \
         CREATE TRIGGER late BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION late()",
    )
    .await
    .unwrap();
    lines();
    ours.repository::<Line1>().copy_in([Line1 { text: "canary".into() }]).await.unwrap();
    let told = lines();
    assert!(told.len() == 1 && told[0].contains("copy_in") && told[0].contains("COPY"), "{told:?}");
    assert!(!told[0].contains("canary"), "{told:?}");
}
