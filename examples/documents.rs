//! Keeps the world's airports as nested JSON: asks for parts of the documents by typed paths, changes parts in place, and
//! compares each answer and each change with the same made of the structs in this process.

use std::collections::BTreeMap;

use pgrepo::{Db, Filter, Json, PgJson, PgTable, Row, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(schema = "pgrepo_documents", table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    facts: Json<Facts>, // jsonb
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
#[serde(rename_all = "camelCase")]
struct Facts {
    name: String,
    /// The words of the name, in small letters.
    words: Vec<String>,
    codes: Codes,
    location: Location,
    #[serde(default)]
    visits: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    remarks: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Codes {
    iata: Option<String>,
    local: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
#[serde(rename_all = "camelCase")]
struct Location {
    country: String,
    city: Option<String>,
    elevation_ft: f64,
    position: Position,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
struct Position {
    lat: f64,
    lon: f64,
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    icao: String,
    iata: Option<String>,
    name: String,
    city: Option<String>,
    country: String,
    elevation: f64,
    lat: f64,
    lon: f64,
    lid: Option<String>,
}

impl From<Line> for Airport {
    fn from(Line { icao, iata, name, city, country, elevation, lat, lon, lid }: Line) -> Self {
        let words = name.split_whitespace().map(str::to_lowercase).collect();
        let location = Location { country, city, elevation_ft: elevation, position: Position { lat, lon } };
        let codes = Codes { iata, local: lid };
        Self { icao, facts: Json(Facts { name, words, codes, location, visits: 0, remarks: BTreeMap::new() }) }
    }
}

const TABLES: &str = "DROP SCHEMA IF EXISTS pgrepo_documents CASCADE; CREATE SCHEMA pgrepo_documents; \
    CREATE TABLE pgrepo_documents.airports (icao text PRIMARY KEY, facts jsonb NOT NULL); \
    CREATE TABLE pgrepo_documents.notes \
        (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author text NOT NULL, data jsonb NOT NULL)";

#[tokio::main]
async fn main() -> examples::Result<()> {
    let mut here: Vec<Airport> = examples::airports::<Line>()?.into_iter().map(Airport::from).collect();
    let (db, _server) = examples::database("pgrepo_documents", TABLES).await?;
    db.repository::<Airport>().copy_in(&here).await?;

    conditions(&db, &here).await?;
    indexes(&db, &here).await?;
    changes(&db, &mut here).await?;
    without_structs(&db).await?;

    let mut there = db.repository::<Airport>().all().fetch_all().await?;
    there.sort_by(|a, b| a.icao.cmp(&b.icao));
    here.sort_by(|a, b| a.icao.cmp(&b.icao));
    let differences = here.iter().zip(&there).filter(|(a, b)| a != b).count() + here.len().abs_diff(there.len());
    examples::same("documents that differ in the end", &differences, &0)?;
    println!("{} documents asked, indexed and changed in place: differences {differences}", there.len());
    Ok(())
}

/// A path has the type of what it leads to, and the conditions of that type.
async fn conditions(db: &Db, here: &[Airport]) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let location = Airport::FACTS.at(Facts::LOCATION);
    let compare = async |what: &str, filter: Filter<'_, Airport>, keep: &dyn Fn(&Facts) -> bool| {
        let found = airports.find(filter);
        println!("{what}: {}", found.sql());
        let count = found.count().await?;
        println!("  {count}");
        examples::same(what, &count, &(here.iter().filter(|a| keep(&a.facts.0)).count() as u64))
    };

    let high = location.at(Location::COUNTRY).eq("BO").and(location.at(Location::ELEVATION_FT).gt(10_000.0));
    let keep = |f: &Facts| f.location.country == "BO" && f.location.elevation_ft > 10_000.0;
    compare("high in Bolivia", high, &keep).await?;

    // Membership in an array, and what an Option leaves open.
    let words = Airport::FACTS.at(Facts::WORDS);
    let unlisted = words.has("lake").and(Airport::FACTS.at(Facts::CODES.at(Codes::IATA)).is_null());
    let keep = |f: &Facts| f.words.contains(&"lake".to_owned()) && f.codes.iata.is_none();
    compare("lakes without an airline", unlisted, &keep).await?;

    let second = words.index(1).in_(["regional", "municipal"]);
    let keep = |f: &Facts| f.words.get(1).is_some_and(|word| word == "regional" || word == "municipal");
    compare("regional or municipal by the second word", second, &keep).await?;

    // The document as a whole contains another one.
    let part = Airport::FACTS.document().contains(json!({"location": {"country": "IS", "city": "Reykjavik"}}));
    let keep = |f: &Facts| f.location.country == "IS" && f.location.city.as_deref() == Some("Reykjavik");
    compare("in Reykjavik", part, &keep).await?;

    let latitude = location.at(Location::POSITION).at(Position::LAT);
    let northern = airports.find(latitude.between(70.0, 90.0)).order_by(latitude.desc()).limit(5).fetch_all().await?;
    let mut expected: Vec<&Airport> = here.iter().filter(|a| a.facts.0.location.position.lat <= 90.0).collect();
    expected.sort_by(|a, b| b.facts.0.location.position.lat.total_cmp(&a.facts.0.location.position.lat));
    expected.truncate(5);
    examples::same("the most northern", &northern.iter().collect(), &expected)
}

/// The indexes are made of the same paths as the conditions, so the server uses them.
async fn indexes(db: &Db, here: &[Airport]) -> examples::Result<()> {
    let elevation = Airport::FACTS.at(Facts::LOCATION.at(Location::ELEVATION_FT));
    let (whole, by_elevation) = (Airport::FACTS.gin_index_ddl(), elevation.index_ddl());
    println!("{whole};\n{by_elevation};");
    db.execute_script(&format!("{whole}; {by_elevation}; ANALYZE pgrepo_documents.airports")).await?;

    let airports = db.repository::<Airport>();
    let code = Airport::FACTS.at(Facts::CODES).at(Codes::IATA);
    let plans = [
        ("airports_facts_gin", airports.find(code.eq("LPB")).explain().await?),
        ("airports_facts_gin", airports.find(Airport::FACTS.at(Facts::WORDS).has("glacier")).explain().await?),
        ("airports_facts_location_elevationFt_idx", airports.find(elevation.gt(14_000.0)).explain().await?),
        ("airports_facts_location_elevationFt_idx", airports.all().order_by(elevation.asc()).limit(3).explain().await?),
    ];
    for (index, plan) in &plans {
        println!("{plan}");
        if !plan.contains(index) {
            return Err(format!("{index} is not in the plan").into());
        }
    }
    let found = airports.find(code.eq("LPB")).fetch_one().await?;
    examples::same("LPB", &Some(&found), &here.iter().find(|a| a.facts.0.codes.iata.as_deref() == Some("LPB")))
}

/// Parts change in the statement that updates the row; the rest of the document is not sent.
async fn changes(db: &Db, here: &mut [Airport]) -> examples::Result<()> {
    let airports = db.repository::<Airport>();
    let (facts, location) = (Airport::FACTS, Airport::FACTS.at(Facts::LOCATION));

    // By key: several changes of one document are made one after the other.
    let one = [
        location.at(Location::CITY).set("El Alto"),
        facts.at(Facts::WORDS).push("andes"),
        facts.at(Facts::VISITS).increment(3),
        facts.at(Facts::REMARKS).key("runway").set("4,000 m"), // the map is made: the document has none
        facts.at(Facts::CODES).merge(json!({"local": "LP"})),
    ];
    examples::same("a row with the key", &airports.patch("SLLP", one).await?, &true)?;
    let below = location.at(Location::ELEVATION_FT).lt(0.0);
    let changed = airports
        .update_where(below)
        .set(facts.at(Facts::VISITS).increment(1))
        .set(facts.at(Facts::REMARKS).set(BTreeMap::from([("sea".to_owned(), "below".to_owned())])))
        .execute()
        .await?;
    let dutch = location.at(Location::COUNTRY).eq("NL");
    let removed = airports.update_where(dutch).set(facts.at(Facts::REMARKS).key("sea").remove()).execute().await?;

    let (mut below, mut dutch) = (0, 0);
    for Airport { icao, facts: Json(facts) } in here {
        if icao == "SLLP" {
            facts.location.city = Some("El Alto".to_owned());
            facts.words.push("andes".to_owned());
            facts.visits += 3;
            facts.remarks.insert("runway".to_owned(), "4,000 m".to_owned());
            facts.codes.local = Some("LP".to_owned());
        }
        if facts.location.elevation_ft < 0.0 {
            facts.visits += 1;
            facts.remarks = BTreeMap::from([("sea".to_owned(), "below".to_owned())]);
            below += 1;
        }
        if facts.location.country == "NL" {
            facts.remarks.remove("sea");
            dutch += 1;
        }
    }
    println!("{changed} documents changed by a condition, {removed} by another");
    examples::same("documents changed", &(changed, removed), &(below, dutch))
}

/// The same of a table that is known at run time only; its names are looked up before any statement holds them.
async fn without_structs(db: &Db) -> examples::Result<()> {
    const NOTES: (&str, &str) = ("pgrepo_documents", "notes");
    let cities = |rows: &[Row]| rows.iter().map(|row| row.get::<String>("author")).collect::<pgrepo::Result<Vec<_>>>();
    for (author, skills) in [("Ann", ["rust", "sql"]), ("Bo", ["sql", "python"])] {
        let data = json!({"profile": {"skills": skills, "location": {"city": format!("{author} City")}}});
        let stored = db.insert_json(NOTES, "data", &data, [("author", Value::from(author))]).await?;
        examples::same("rows stored", &stored, &1)?;
    }
    let by_city = db.query_json(NOTES, "data", "$.profile.location.city", "Bo City").await?;
    examples::same("by a path of keys", &cities(&by_city)?, &vec!["Bo".to_owned()])?;
    let by_skill = db.query_json(NOTES, "data", "$.profile.skills[*]", "rust").await?;
    examples::same("by any other path", &cities(&by_skill)?, &vec!["Ann".to_owned()])?;
    let unknown = db.query_json(NOTES, "dta", "$.profile", 1).await;
    println!("{:?}", unknown.as_ref().err());
    examples::same("a column that is not there", &unknown.is_err(), &true)
}
