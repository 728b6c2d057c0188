//! The rows of the two tables, and the line of a file that one is made of.

use pgrepo::{Json, PgInsert, PgJson, PgTable, RowError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row of `airports`, and what is answered of it.
#[derive(Debug, Clone, PartialEq, PgTable, Serialize)]
#[pg(table = "airports")]
pub struct Airport {
    /// Its code.
    #[pg(primary_key)]
    pub icao: String,
    /// The airlines' code.
    pub iata: Option<String>,
    /// Its name.
    pub name: String,
    /// Its country, in two letters.
    pub country: String,
    /// How high it lies, in feet.
    pub elevation_ft: f64,
    /// What is searched as JSON.
    pub details: Json<Details>,
    /// The upload that it came by.
    pub upload_id: Uuid,
}

/// The document of an airport.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, PgJson)]
pub struct Details {
    /// The city that it serves.
    pub city: Option<String>,
    /// The part of its country.
    pub region: Option<String>,
    /// The name of its time zone.
    pub tz: String,
    /// Where it lies.
    pub position: Position,
}

/// A place on Earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, PgJson)]
pub struct Position {
    /// North of the equator.
    pub lat: f64,
    /// East of Greenwich.
    pub lon: f64,
}

/// An airport on its way into the table, with the line that it stood on: what the server refuses is told by it.
#[derive(Debug, PgInsert)]
#[pg(of = Airport)]
pub struct NewAirport {
    icao: String,
    iata: Option<String>,
    name: String,
    country: String,
    elevation_ft: f64,
    details: Json<Details>,
    upload_id: Uuid,
    #[pg(skip)]
    line: u64,
}

impl NewAirport {
    /// The line of the upload that it was made of.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// An airport as an upload has it: a line of NDJSON, or a record of CSV.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// As [`Airport::icao`].
    pub icao: String,
    /// As [`Airport::iata`].
    pub iata: Option<String>,
    /// As [`Airport::name`].
    pub name: String,
    /// As [`Details::city`].
    pub city: Option<String>,
    /// As [`Details::region`].
    pub subd: Option<String>,
    /// As [`Airport::country`].
    pub country: String,
    /// As [`Airport::elevation_ft`].
    pub elevation: f64,
    /// As [`Position::lat`].
    pub lat: f64,
    /// As [`Position::lon`].
    pub lon: f64,
    /// As [`Details::tz`].
    pub tz: String,
}

impl Line {
    /// The row of the line.
    ///
    /// # Errors
    /// A number that JSON has no form for: CSV may hold `NaN`.
    pub fn into_row(self, upload_id: Uuid, line: u64) -> Result<NewAirport, RowError> {
        let Self { icao, iata, name, city, subd, country, elevation, lat, lon, tz } = self;
        for (field, number) in [("elevation", elevation), ("lat", lat), ("lon", lon)] {
            if !number.is_finite() {
                return Err(RowError::new("the number is not finite").at_line(line).at_field(field));
            }
        }
        let details = Json(Details { city, region: subd, tz, position: Position { lat, lon } });
        Ok(NewAirport { icao, iata, name, country, elevation_ft: elevation, details, upload_id, line })
    }
}

/// A row of `uploads`: what became of an upload, which is answered, and told again to whoever asks by its id.
#[derive(Debug, Clone, PartialEq, PgTable, Serialize, Deserialize)]
#[pg(table = "uploads")]
pub struct Upload {
    /// The id that the client gave it.
    #[pg(primary_key)]
    pub id: Uuid,
    /// `csv` or `ndjson`.
    pub format: String,
    /// How many airports are stored.
    pub rows: i64,
    /// How many lines are not.
    pub rejected: i64,
    /// The first of these.
    pub rejects: Json<Vec<Reject>>,
}

/// A line of an upload that is not stored, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// The line, from 1.
    pub line: Option<u64>,
    /// The field to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The constraint that it violates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// The server's code of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// The reason in words.
    pub reason: String,
}
