//! What the examples share: a database without any set-up, the airports, and checks of what was stored and read.

use std::error::Error;
use std::fmt::Debug;

use pgrepo::testkit::{Server, ServerOptions};
use pgrepo::{Db, DbConfig};
use serde::de::DeserializeOwned;

/// The result of an example.
pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The airports: see `data/README.md`.
pub const AIRPORTS_CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/airports.csv");

/// The airports' table, in a schema that is dropped first.
pub const AIRPORTS_SQL: &str = include_str!("../data/airports.sql");

/// Connects to the database that `DATABASE_URL` names, else to a throwaway server, and runs the script there.
///
/// The throwaway server lives until the second value is dropped, or the process ends in whatever way.
///
/// # Errors
/// No server could be reached or brought up, or the script failed.
pub async fn database(schema: &str, script: &str) -> Result<(Db, Option<Server>)> {
    let (config, server) = server(schema).await?;
    let db = Db::connect(config).await?;
    db.execute_script(script).await?;
    Ok((db, server))
}

/// Finds the server of [`database`], for an example that decides how to connect.
///
/// # Errors
/// No server could be brought up, or the environment is wrong.
pub async fn server(schema: &str) -> Result<(DbConfig, Option<Server>)> {
    if std::env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty()) {
        println!("server: the one that DATABASE_URL names; its schema {schema} is dropped and made anew");
        return Ok((DbConfig::from_env()?, None));
    }
    let server = Server::start(ServerOptions::private()).await?;
    println!("server: PostgreSQL {}, started for this run and removed after it", server.version());
    Ok((DbConfig::from_url(&server.url("postgres"))?, Some(server)))
}

/// The script that makes an empty table `airports` with the file's columns, in a schema that is dropped first.
pub fn airports_table(schema: &str) -> String {
    format!(
        "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; \
         CREATE TABLE {schema}.airports (icao text PRIMARY KEY, iata text, name text NOT NULL, city text, subd text, \
         country text NOT NULL, elevation float8 NOT NULL, lat float8 NOT NULL, lon float8 NOT NULL, tz text NOT NULL)"
    )
}

/// Reads the airports' file; an empty field is `None`.
///
/// # Errors
/// The file is not there, or a line does not fit.
pub fn airports<T: DeserializeOwned>() -> Result<Vec<T>> {
    Ok(csv::Reader::from_path(AIRPORTS_CSV)?.into_deserialize().collect::<Result<_, _>>()?)
}

/// Compares an answer with what was worked out in another way.
///
/// # Errors
/// They differ.
pub fn same<T: PartialEq + Debug>(what: &str, answer: &T, expected: &T) -> Result<()> {
    if answer == expected {
        return Ok(());
    }
    Err(format!("{what}: the answer is {answer:?} and should be {expected:?}").into())
}

/// The most memory that this process has held so far, in kB, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Counts the airports by which the table differs from the CSV text; one that is there but changed counts twice.
///
/// None of this is pgrepo's work: the server reads the CSV by itself, builds the rows that should be there by SQL, and
/// subtracts both from each other, duplicates included.
///
/// # Errors
/// The server refused the CSV, or the table is not there.
pub async fn airport_differences(db: &Db, csv: &[u8]) -> Result<usize> {
    let mut connection = db.raw().await?;
    let staging = "CREATE TEMPORARY TABLE staged (icao text, iata text, name text, city text, subd text, country text, \
        elevation text, lat text, lon text, tz text, lid text)";
    sqlx::raw_sql(staging).execute(&mut *connection).await?;
    let mut copy = connection.copy_in_raw("COPY staged FROM STDIN (FORMAT csv, HEADER true)").await?;
    copy.send(csv).await?;
    copy.finish().await?;
    let differences = "WITH \
        expected AS (SELECT icao, nullif(iata, '') AS iata, name, elevation::float8 AS elevation_ft, \
            jsonb_build_object('city', nullif(city, ''), 'country', country, 'tz', tz, \
                'lat', lat::numeric, 'lon', lon::numeric) \
            || jsonb_strip_nulls(jsonb_build_object('subd', nullif(subd, ''))) AS location FROM staged), \
        stored AS (SELECT icao, iata, name, elevation_ft, location FROM pgrepo_quickstart.airports), \
        missing AS (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored), \
        surplus AS (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected) \
        SELECT (SELECT count(*) FROM missing) + (SELECT count(*) FROM surplus)";
    let count: i64 = sqlx::query_scalar(differences).fetch_one(&mut *connection).await?;
    Ok(usize::try_from(count)?)
}
