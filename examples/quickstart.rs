//! Loads the world's airports by binary COPY, reads them back, and has the server compare them with the file.

use std::io::IsTerminal;
use std::process::ExitCode;

use indicatif::ProgressBar;
use pgrepo::{Json, PgTable};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, PgTable)]
#[pg(schema = "pgrepo_quickstart", table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    iata: Option<String>,
    name: String,
    elevation_ft: f64,
    location: Json<Location>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Location {
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subd: Option<String>,
    country: String,
    lat: f64,
    lon: f64,
    tz: String,
}

/// A line of the file. An empty field is `None`.
#[derive(Deserialize)]
struct Line {
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

impl From<Line> for Airport {
    fn from(Line { icao, iata, name, city, subd, country, elevation, lat, lon, tz }: Line) -> Self {
        let location = Json(Location { city, subd, country, lat, lon, tz });
        Self { icao, iata, name, elevation_ft: elevation, location }
    }
}

#[tokio::main]
async fn main() -> examples::Result<ExitCode> {
    let csv = std::fs::read(examples::AIRPORTS_CSV)?;
    let lines: Vec<Line> = csv::Reader::from_reader(&csv[..]).deserialize().collect::<Result<_, _>>()?;
    let rows: Vec<Airport> = lines.into_iter().map(Airport::from).collect();

    let (db, _server) = examples::database("pgrepo_quickstart", examples::AIRPORTS_SQL).await?;
    let airports = db.repository::<Airport>();
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(rows.len() as u64) } else { ProgressBar::hidden() };
    let report = airports.copy_in(bar.wrap_iter(rows.iter())).await?;
    bar.finish_and_clear();

    for Airport { icao, name, elevation_ft, location, .. } in
        airports.all().order_by(Airport::ELEVATION_FT.desc()).limit(10).fetch_all().await?
    {
        println!("{icao:4}  {elevation_ft:6} ft  {}  {name}", location.country);
    }

    let mut back = airports.all().fetch_all().await?;
    back.sort_by(|a, b| a.icao.cmp(&b.icao));
    let misread = rows.iter().zip(&back).filter(|(sent, read)| sent != read).count();
    let differences = examples::airport_differences(&db, &csv).await? + misread;
    println!("copied {} rows, read back {}, differences {differences}", report.rows, back.len());
    Ok(if differences == 0 && back.len() == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
