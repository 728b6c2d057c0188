//! Asks typed questions about the world's airports, prints the SQL that each makes, and compares every answer with one
//! by hand: worked out from the file, or by SQL of our own.

use std::collections::BTreeMap;
use std::fmt::Debug;

use pgrepo::{Db, PgTable};
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, PgTable, Deserialize)]
#[pg(schema = "pgrepo_queries", table = "airports")]
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

#[tokio::main]
async fn main() -> examples::Result<()> {
    let file: Vec<Airport> = examples::airports()?;
    let (config, _server) = examples::server("pgrepo_queries").await?;
    // One connection asks, so that its last statement is the last question's; the other reads which one that was.
    let mut asking = config.clone().with_max_connections(1);
    asking.application_name = "pgrepo_queries".to_owned();
    let (db, other) = (Db::connect(asking).await?, Db::connect(config).await?);
    other.execute_script(&examples::airports_table("pgrepo_queries")).await?;
    db.repository::<Airport>().copy_in(&file).await?;
    let mut answers = Answers { other, asked: 0 };
    by_condition(&db, &file, &mut answers).await?;
    by_order(&db, &file, &mut answers).await?;
    by_key(&db, &file, &mut answers).await?;
    by_aggregate(&db, &file, &mut answers).await?;
    println!("asked {} questions, each answer as worked out by hand", answers.asked);
    Ok(())
}

async fn by_condition(db: &Db, file: &[Airport], answers: &mut Answers) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let by_hand = |keep: &dyn Fn(&Airport) -> bool| file.iter().filter(|a| keep(a)).count() as u64;

    let found = airports.find(Airport::IATA.is_not_null()).count().await?;
    answers.compare("How many have a code of the airlines?", &found, &by_hand(&|a| a.iata.is_some())).await?;

    let found = airports.find(Airport::LAT.between(-0.5, 0.5).and(Airport::ELEVATION.gt(5_000.0))).count().await?;
    let expected = by_hand(&|a| (-0.5..=0.5).contains(&a.lat) && a.elevation > 5_000.0);
    answers.compare("How many lie high up on the equator?", &found, &expected).await?;

    let found = airports.find(Airport::NAME.ilike("%international%").and(Airport::COUNTRY.ne("US"))).count().await?;
    let expected = by_hand(&|a| a.name.to_lowercase().contains("international") && a.country != "US");
    answers.compare("How many call themselves international outside of the US?", &found, &expected).await?;

    let found = airports.find(Airport::ICAO.starts_with("SL")).count().await?;
    answers
        .compare("How many codes begin with Bolivia's letters?", &found, &by_hand(&|a| a.icao.starts_with("SL")))
        .await?;

    let nowhere = Airport::CITY.is_null().or(Airport::SUBD.is_null()).and(Airport::COUNTRY.in_(["CH", "AT"]).not());
    let expected = by_hand(&|a| (a.city.is_none() || a.subd.is_none()) && !["CH", "AT"].contains(&&*a.country));
    answers.compare("How many lack a city or a region?", &airports.find(nowhere).count().await?, &expected).await?;

    let polar = Airport::COUNTRY.eq("AQ").and(Airport::ELEVATION.ge(9_000.0));
    let expected = file.iter().any(|a| a.country == "AQ" && a.elevation >= 9_000.0);
    answers.compare("Is there one on the ice at 9,000 ft?", &airports.find(polar).exists().await?, &expected).await
}

async fn by_order(db: &Db, file: &[Airport], answers: &mut Answers) -> examples::Result<()> {
    let airports = db.repository::<Airport>();

    let highest = airports.all().order_by(Airport::ELEVATION.desc()).order_by(Airport::ICAO.asc()).limit(5);
    let mut sorted: Vec<&Airport> = file.iter().collect();
    sorted.sort_by(|a, b| b.elevation.total_cmp(&a.elevation).then_with(|| a.icao.cmp(&b.icao)));
    let expected: Vec<Airport> = sorted.into_iter().take(5).cloned().collect();
    answers.compare("Which are the highest?", &highest.fetch_all().await?, &expected).await?;

    // How text is sorted is the database's own affair, so the server sorts both.
    let iceland = airports.find(Airport::COUNTRY.eq("IS")).order_by(Airport::IATA.asc().nulls_first());
    let found = iceland.order_by(Airport::ICAO.asc()).offset(70).limit(5).values(Airport::ICAO).fetch_all().await?;
    let expected = "SELECT icao FROM pgrepo_queries.airports WHERE country = 'IS' \
        ORDER BY iata NULLS FIRST, icao LIMIT 5 OFFSET 70";
    answers.ask_twice("Which of Iceland's come next, those without a code first?", &found, expected).await?;

    let lakes = airports.find(Airport::NAME.text_search("english", "lake -seaplane"));
    let best = lakes.order_by(Airport::NAME.text_rank("english", "lake").desc()).order_by(Airport::ICAO.asc());
    let found = best.limit(3).values(Airport::NAME).fetch_all().await?;
    let expected = "SELECT name FROM pgrepo_queries.airports \
        WHERE to_tsvector('english', name) @@ to_tsquery('english', 'lake & !seaplane') \
        ORDER BY ts_rank(to_tsvector('english', name), to_tsquery('english', 'lake')) DESC, icao LIMIT 3";
    answers.ask_twice("Which speak most of lakes, and not of seaplanes?", &found, expected).await?;

    let australia = airports.find(Airport::COUNTRY.eq("AU")).order_by(Airport::TZ.asc());
    let found = australia.values(Airport::TZ).distinct().fetch_all().await?;
    let expected = "SELECT tz FROM pgrepo_queries.airports WHERE country = 'AU' GROUP BY tz ORDER BY tz";
    answers.ask_twice("In which time zones does Australia lie?", &found, expected).await
}

async fn by_key(db: &Db, file: &[Airport], answers: &mut Answers) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let by_hand = |icao: &str| file.iter().find(|a| a.icao == icao).cloned();

    answers.compare("Which one is EHAM?", &airports.get("EHAM").await?, &by_hand("EHAM")).await?;

    let keys = ["SLLP", "NONE", "EHAM"];
    let found = airports.get_many(keys).await?;
    answers.compare("Which are these three, in this order?", &found, &keys.map(by_hand).to_vec()).await?;

    let mut tx = db.begin().await?;
    let locked = tx.repository::<Airport>().find(Airport::ICAO.eq("SLLP")).for_update().skip_locked();
    let found = locked.fetch_optional().await?;
    answers.compare("May I change El Alto's, or does somebody else?", &found, &by_hand("SLLP")).await?;
    Ok(tx.rollback().await?)
}

async fn by_aggregate(db: &Db, file: &[Airport], answers: &mut Answers) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let dutch = || airports.find(Airport::COUNTRY.eq("NL"));

    let lowest = file.iter().filter(|a| a.country == "NL").map(|a| a.elevation).min_by(f64::total_cmp);
    answers
        .compare("How low is the lowest of the Netherlands?", &dutch().min(Airport::ELEVATION).await?, &lowest)
        .await?;

    let sql = "SELECT avg(elevation) FROM pgrepo_queries.airports WHERE country = 'NL'";
    let mean = dutch().avg(Airport::ELEVATION).await?;
    answers.ask_twice("How high are they on average?", &Vec::from_iter(mean), sql).await?;

    // Hand-written SQL is read into structs, tuples and single values alike.
    let sql = "SELECT country, count(*) FROM pgrepo_queries.airports WHERE elevation > $1 GROUP BY country";
    let counts: Vec<(String, i64)> = db.query(sql).bind(10_000.0).fetch_all().await?;
    let mut expected = BTreeMap::new();
    for airport in file.iter().filter(|a| a.elevation > 10_000.0) {
        *expected.entry(airport.country.clone()).or_insert(0) += 1;
    }
    answers.compare("How many above 10,000 ft has each country?", &BTreeMap::from_iter(counts), &expected).await
}

/// Prints questions, their SQL and their answers, and compares these.
struct Answers {
    other: Db,
    asked: u32,
}

impl Answers {
    async fn compare<T: PartialEq + Debug>(
        &mut self,
        question: &str,
        answer: &T,
        expected: &T,
    ) -> examples::Result<()> {
        let sql = "SELECT query FROM pg_stat_activity WHERE application_name = 'pgrepo_queries' \
            AND datname = current_database()";
        let sql: String = self.other.query(sql).fetch_val().await?;
        let shown: String = format!("{answer:?}").chars().take(160).collect();
        println!("\n{question}\n  {sql}\n  {shown}");
        self.asked += 1;
        examples::same(question, answer, expected)
    }

    /// Compares with the values that SQL of our own finds.
    async fn ask_twice<V>(&mut self, question: &str, answer: &Vec<V>, sql: &str) -> examples::Result<()>
    where
        V: PartialEq + Debug + pgrepo::OwnedRow,
    {
        let expected: Vec<V> = self.other.query(sql).fetch_all().await?;
        self.compare(question, answer, &expected).await
    }
}
