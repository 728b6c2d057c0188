//! Rows out of CSV and JSON lines, and COPY out of tables, conditions and statements, typed and as it comes.

mod hostile;
mod load;
mod raw;
mod select;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pgrepo::PgTable;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, ReadBuf};

/// The airports' file, whose last column has no field here.
const AIRPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/airports.csv");

const AIRPORTS_SQL: &str = "CREATE TABLE airports (icao text PRIMARY KEY, iata text, name text NOT NULL, city text, \
    subd text, country text NOT NULL, elevation float8 NOT NULL, lat float8 NOT NULL, lon float8 NOT NULL, tz text NOT NULL)";

#[derive(Debug, Clone, PartialEq, PgTable, Serialize, Deserialize)]
#[pg(table = "airports")]
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

/// A reader of so many lines, each made when it is asked for.
#[derive(Debug)]
pub(crate) struct Generated {
    made: i64,
    lines: i64,
    make: fn(i64) -> String,
    left: Vec<u8>,
}

impl Generated {
    pub(crate) fn new(lines: i64, make: fn(i64) -> String) -> Self {
        Self { made: 0, lines, make, left: Vec::new() }
    }
}

impl AsyncRead for Generated {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.left.len() < out.remaining() && self.made < self.lines {
            let line = (self.make)(self.made);
            self.left.extend(line.into_bytes());
            self.made += 1;
        }
        let length = self.left.len().min(out.remaining());
        out.put_slice(&self.left[..length]);
        self.left.drain(..length);
        Poll::Ready(Ok(()))
    }
}
