//! What the examples share: a database without any set-up, and a check of what they stored that the server makes.

use std::error::Error;

use pgrepo::Db;
use pgrepo::testkit::{Server, ServerOptions};

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
    let named = std::env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty());
    let (db, server) = if named {
        println!("server: the one that DATABASE_URL names; its schema {schema} is dropped and made anew");
        (Db::from_env().await?, None)
    } else {
        let server = Server::start(ServerOptions::private()).await?;
        println!("server: PostgreSQL {}, started for this run and removed after it", server.version());
        (Db::from_url(&server.url("postgres")).await?, Some(server))
    };
    db.execute_script(script).await?;
    Ok((db, server))
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
