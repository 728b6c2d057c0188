//! Rows out of CSV, from any reader, for any type that serde reads; feature `csv`.
//!
//! The header's columns become the fields of the same names. A record that does not fit is a [`RowError`](crate::RowError)
//! with its line, column and text, and the next one can be read: a tolerant load sets it aside, a strict one ends.
//!
//! How a value is read is how the server writes it in CSV
//! (<https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-CSV-FORMAT>): `t` and `f` are bools as `true` and
//! `false` are, `\x…` is a bytea, `{…}` an array of one dimension, and what is [`Json`](crate::Json), a struct, a map
//! or a list is read from its JSON text. Other text is handed to the field's `Deserialize` as text: nothing is taken for a
//! number unless the field is one. A timestamp is written otherwise than chrono reads it: see [`timestamp`].
//!
//! The empty text is NULL for an `Option`, and empty for a `String`; whether it stood in quotation marks, by which
//! PostgreSQL tells both apart, is not looked at. Where it matters, write NULL as another text and say so by
//! [`CsvOptions::null`].
//!
//! # Examples
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(serde::Deserialize)]
//! struct Line {
//!     icao: String,
//!     iata: Option<String>,
//!     elevation: f64,
//! }
//!
//! let text = "icao,iata,elevation\nSLLP,LPB,13314\nLSZX,,high\nEHAM,AMS,-11\n";
//! let mut lines = pgrepo::csv::read::<Line, _>(text.as_bytes());
//! assert_eq!(lines.next().await?.map(|line| line.icao).as_deref(), Some("SLLP"));
//! let error = lines.next().await.map(drop).unwrap_err();
//! let bad = error.row().ok_or("the reader failed")?;
//! assert_eq!((bad.line(), bad.field(), bad.text()), (Some(3), Some("elevation"), Some("LSZX,,high")));
//! assert_eq!(lines.next().await?.map(|line| line.icao).as_deref(), Some("EHAM"));
//! assert!(lines.next().await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! Loaded by COPY, where the first error undoes all:
//! ```no_run
//! # #[derive(pgrepo::PgTable, serde::Deserialize)]
//! # #[pg(table = "airports")]
//! # struct Airport { icao: String }
//! # async fn example(db: &pgrepo::Db, file: impl tokio::io::AsyncRead + Send + 'static) -> pgrepo::Result<()> {
//! use pgrepo::CopyInOptions;
//! let airports = pgrepo::csv::read::<Airport, _>(file);
//! let report = db.repository::<Airport>().copy_in_try_stream(airports, CopyInOptions::default()).await?;
//! # Ok(())
//! # }
//! ```

mod header;
mod options;
mod record;
mod records;
mod rows;
#[cfg(test)]
mod tests;
mod timestamp;
mod value;

pub use options::{CsvOptions, read};
pub use rows::CsvRows;
pub use timestamp::timestamp;
