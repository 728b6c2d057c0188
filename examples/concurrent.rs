//! Runs operations of different result types side by side, so many at once and no more, and looks on from the server.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use pgrepo::{Db, ErrorKind, PgTable};
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, PgTable, Deserialize)]
#[pg(schema = "pgrepo_concurrent", table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    iata: Option<String>,
    name: String,
    city: Option<String>,
    subd: Option<String>,
    country: String,
    elevation: f64,
    lat: f64,
    lon: f64,
    tz: String,
}

const CONNECTIONS: usize = 4;

#[tokio::main]
async fn main() -> examples::Result<()> {
    let file: Vec<Airport> = examples::airports()?;
    let (config, _server) = examples::server("pgrepo_concurrent").await?;
    let mut busy = config.clone().with_max_connections(CONNECTIONS);
    busy.application_name = "pgrepo_concurrent".to_owned();
    let (db, other) = (Db::connect(busy).await?, Db::connect(config).await?);
    other.execute_script(&examples::airports_table("pgrepo_concurrent")).await?;
    db.repository::<Airport>().copy_in(&file).await?;

    different_results(&db, &file).await?;
    let countries = one_for_each(&db, &file).await?;
    let peak = peak_on_the_server(&db, &other).await?;
    failures(&db, &other).await?;
    println!(
        "{countries} countries counted side by side as in the file, {peak} operations at the server's peak and never more, \
         a ping answered at full load, failures as they should be"
    );
    Ok(())
}

/// A tuple of operations gives the tuple of their results, each of its own type.
async fn different_results(db: &Db, file: &[Airport]) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let (count, schiphol, names, mean) = db
        .concurrent(4)
        .all((
            db.query("SELECT count(*) FROM pgrepo_concurrent.airports").fetch_val::<i64>(),
            airports.get("EHAM"),
            airports.find(Airport::COUNTRY.eq("LU")).order_by(Airport::ICAO.asc()).values(Airport::ICAO).fetch_all(),
            airports.find(Airport::COUNTRY.eq("LU")).avg(Airport::ELEVATION),
        ))
        .await?;
    let luxembourg = || file.iter().filter(|a| a.country == "LU");
    examples::same("count", &count, &i64::try_from(file.len())?)?;
    examples::same("EHAM", &schiphol.as_ref(), &file.iter().find(|a| a.icao == "EHAM"))?;
    examples::same("codes", &names, &luxembourg().map(|a| a.icao.clone()).collect())?;
    let sum: f64 = luxembourg().map(|a| a.elevation).sum();
    let number = u32::try_from(luxembourg().count())?;
    examples::same("mean, to the foot", &mean.map(f64::round), &Some((sum / f64::from(number)).round()))?;
    println!("at once: {count} airports, EHAM, {} codes of Luxembourg, a mean elevation", names.len());
    Ok(())
}

/// Any number of operations of one type, each made when there is a place for it; their results are in their order.
async fn one_for_each(db: &Db, file: &[Airport]) -> examples::Result<usize> {
    let mut by_hand = BTreeMap::new();
    for airport in file {
        *by_hand.entry(&*airport.country).or_insert(0) += 1;
    }
    let airports = db.repository::<Airport>();
    let counting = by_hand.keys().map(|country| airports.find(Airport::COUNTRY.eq(*country)).count());
    let counts = db.concurrent(CONNECTIONS).each(counting).await?;
    examples::same("airports of each country", &counts, &by_hand.values().copied().collect())?;
    Ok(counts.len())
}

/// Asks for more at once than the pool has connections, and holds all of them up with a lock while it looks.
async fn peak_on_the_server(db: &Db, other: &Db) -> examples::Result<i64> {
    const LOCK: i64 = 5_081;
    let concurrent = db.concurrent(100);
    examples::same("the limit", &concurrent.limit(), &CONNECTIONS)?;
    let mut gate = other.begin().await?;
    gate.query("SELECT 1 FROM pg_advisory_xact_lock($1)").bind(LOCK).execute().await?;
    // Each waits at the gate, and then counts the pool's sessions that are at work, itself among them.
    let sql = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgrepo_concurrent' \
        AND state = 'active') FROM pg_advisory_xact_lock_shared($1)";
    let work = concurrent.each((0..20).map(|_| db.query(sql).bind(LOCK).fetch_val::<i64>()));
    let watch = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5081 AND NOT granted";
        while other.query(waiting).fetch_val::<i64>().await? < i64::try_from(CONNECTIONS).unwrap_or(i64::MAX) {
            tokio::task::yield_now().await;
        }
        // No connection of the pool is free now, and the server is asked all the same.
        let took = db.ping().await?;
        let peak: i64 = other.query(waiting).fetch_val().await?;
        gate.commit().await?;
        Ok::<_, pgrepo::Error>((took, peak))
    };
    let (seen, (took, waiting)) = try_join(work, watch).await?;
    println!("at full load: {waiting} operations wait on the server, and it answers a ping in {took:?}");
    let peak = seen.iter().copied().fold(waiting, i64::max);
    examples::same("answers", &seen.len(), &20)?;
    examples::same("operations at the peak", &peak, &i64::try_from(CONNECTIONS)?)?;
    Ok(peak)
}

/// The first failure ends the whole, or is a result beside the others.
async fn failures(db: &Db, other: &Db) -> examples::Result<()> {
    other.execute_script("CREATE SEQUENCE pgrepo_concurrent.begun").await?;
    let step = |divisor: i64| {
        let sql = "SELECT nextval('pgrepo_concurrent.begun') / $1";
        db.query(sql).bind(divisor).fetch_val::<i64>()
    };
    let begun = || other.query("SELECT last_value FROM pgrepo_concurrent.begun").fetch_val::<i64>();

    let Err(error) = db.concurrent(1).all((step(1), step(0), step(1), step(1))).await else {
        return Err("a division by zero was no failure".into());
    };
    println!("the first failure: {error:?}");
    examples::same("its SQLSTATE", &error.sqlstate().map(|s| s.to_string()).as_deref(), &Some("22012"))?;
    examples::same("operations that began", &begun().await?, &2)?;

    let airports = db.repository::<Airport>();
    let (ams, failed, lpb) = db.concurrent(2).settle((airports.get("EHAM"), step(0), airports.get("SLLP"))).await;
    examples::same("the second one", &failed.map_err(|e| e.kind()), &Err(ErrorKind::Query))?;
    let codes = [ams?, lpb?].map(|found| found.and_then(|airport| airport.iata));
    examples::same("the others", &codes, &["AMS", "LPB"].map(|code| Some(code.to_owned())))
}
