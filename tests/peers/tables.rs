//! The server that is measured on, and the tables.

use pgrepo::testkit::{Server, ServerOptions};
use pgrepo::{CopyInOptions, Db};
use tests::rows::Wide;

use crate::task::Result;

/// What differs from the server's defaults; fsync, full_page_writes and synchronous_commit stand as they come, on.
pub(crate) const SETTINGS: [(&str, &str); 8] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
    ("max_connections", "120"),
];

/// The wide table. Its `id` is no key where rows are loaded, since a load repeats them.
const WIDE: &str = "TABLE wide (id int8 NOT NULL, name text NOT NULL, email text NOT NULL, age int4 NOT NULL, \
    active bool NOT NULL, balance float8 NOT NULL, created_at timestamptz NOT NULL, uid uuid NOT NULL, \
    profile jsonb NOT NULL, tags text[] NOT NULL)";

/// What else is written to.
const OTHERS: &str = "CREATE UNLOGGED TABLE narrow (name text NOT NULL, email text NOT NULL, age int4 NOT NULL); \
    CREATE UNLOGGED TABLE accounts (id int8 PRIMARY KEY, balance int8 NOT NULL) WITH (fillfactor = 50); \
    CREATE UNLOGGED TABLE transfers (receiver int8 NOT NULL, amount int8 NOT NULL); \
    INSERT INTO accounts SELECT n, 0 FROM generate_series(0, 999) AS n";

/// A trigger that leaves every row out: the server parses and stores nothing.
const NULL: &str = "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
    CREATE TRIGGER nothing BEFORE INSERT ON wide FOR EACH ROW EXECUTE FUNCTION nothing()";

/// 100,000 people with a document each; 100 of them share each `logins` and some 300 each score, and three tables of a shop.
const QUESTIONS: &str = "CREATE TABLE wide AS SELECT n::int8 + 1 AS id, 'Name ' || n AS name, \
        'person.number.' || n || '@example.org' AS email, n % 90 AS age, n % 3 <> 0 AS active, \
        n * 1.25::float8 - 1000 AS balance, timestamptz '2023-11-14Z' + n * interval '61s' AS created_at, \
        gen_random_uuid() AS uid, \
        jsonb_build_object('city', 'city ' || n % 5000, 'settings', jsonb_build_object('theme', 'dark', \
            'newsletter', n % 5 = 0, 'logins', n % 1000), 'scores', jsonb_build_array(n % 1009, n % 1013, n % 1019)) \
            AS profile, \
        ARRAY['new', 'premium'] AS tags FROM generate_series(0, 99999) AS n; \
    ALTER TABLE wide ADD PRIMARY KEY (id); \
    CREATE INDEX ON wide ((profile #>> '{settings,logins}')); \
    CREATE INDEX ON wide USING gin (profile jsonb_path_ops); \
    CREATE TABLE customers (id int8 PRIMARY KEY, name text NOT NULL); \
    CREATE TABLE items (id int8 PRIMARY KEY, title text NOT NULL, price float8 NOT NULL); \
    CREATE TABLE orders (id int8 PRIMARY KEY, customer_id int8 NOT NULL, item_id int8 NOT NULL, pieces int4 NOT NULL); \
    INSERT INTO customers SELECT n, 'Customer ' || n FROM generate_series(0, 9999) AS n; \
    INSERT INTO items SELECT n, 'Item ' || n, n * 0.25 FROM generate_series(0, 999) AS n; \
    INSERT INTO orders SELECT n, n % 10000, n * 7919 % 1000, n % 9 + 1 FROM generate_series(0, 199999) AS n; \
    CREATE INDEX ON orders (customer_id)";

/// A database for each purpose; in each, the table is called `wide`.
pub(crate) const LOGGED: &str = "logged";
pub(crate) const UNLOGGED: &str = "unlogged";
pub(crate) const NOTHING: &str = "nothing";
pub(crate) const KEYED: &str = "keyed";
pub(crate) const STORED: &str = "stored";
pub(crate) const MERGED: &str = "merged";

/// The rows that are merged. Of these a quarter is there with the same values, and a quarter with another age.
pub(crate) const MERGED_ROWS: u32 = 100_000;

/// What is there before a merge.
fn before_a_merge() -> impl Iterator<Item = Wide> {
    (0..MERGED_ROWS).step_by(2).map(|n| {
        let row = tests::rows::wide(n);
        Wide { age: row.age + i32::from(n % 4 == 2), ..row }
    })
}

/// What empties the tables of a database that are loaded.
pub(crate) fn emptying(database: &str) -> &'static [&'static str] {
    match database {
        LOGGED => &["TRUNCATE wide", "CHECKPOINT"],
        UNLOGGED => &["TRUNCATE wide, narrow, transfers", "CHECKPOINT"],
        MERGED => &["TRUNCATE wide", "INSERT INTO wide TABLE before", "ANALYZE wide", "CHECKPOINT"],
        _ => &[],
    }
}

/// Starts the server on a disk, and makes the tables that the `databases` hold.
pub(crate) async fn server(databases: &[&str], stored_rows: u32) -> Result<Server> {
    let options = SETTINGS.iter().fold(ServerOptions::private(), |o, (name, value)| o.with_setting(*name, *value));
    let server = Server::start(options).await?;
    let admin = Db::from_url(&server.url("postgres")).await?;
    for database in databases {
        pgrepo::query(&admin, format!("CREATE DATABASE {database}")).execute().await?;
        let db = Db::from_url(&server.url(database)).await?;
        let script = match *database {
            LOGGED => format!("CREATE {WIDE}"),
            UNLOGGED => format!("CREATE UNLOGGED {WIDE}; {OTHERS}"),
            STORED => format!("CREATE UNLOGGED {WIDE}"),
            MERGED => format!("CREATE UNLOGGED {WIDE}; ALTER TABLE wide ADD PRIMARY KEY (id)"),
            NOTHING => format!("CREATE UNLOGGED {WIDE}; {NULL}"),
            _ => QUESTIONS.to_owned(),
        };
        db.execute_script(&script).await?;
        if *database == STORED {
            let rows = (0..stored_rows).map(tests::rows::wide);
            db.repository::<Wide>().copy_in_with(rows, CopyInOptions::default()).await?;
        }
        if *database == MERGED {
            db.repository::<Wide>().copy_in(before_a_merge()).await?;
            pgrepo::query(&db, "CREATE UNLOGGED TABLE before AS TABLE wide").execute().await?;
        }
        pgrepo::query(&db, "VACUUM ANALYZE").execute().await?;
    }
    Ok(server)
}
