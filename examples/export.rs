//! Streams a large result into CSV files in flat memory, and has the server read the files back and compare.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use futures_util::stream;
use pgrepo::{CopyInOptions, Db, PgTable};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

#[derive(PgTable, Deserialize)]
#[pg(schema = "pgrepo_export", table = "airports")]
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

/// A line of the export. Its texts borrow from the buffer that the row arrived in.
#[derive(pgrepo::PgRecord, Serialize)]
struct Line<'r> {
    copy: i32,
    icao: &'r str,
    iata: Option<&'r str>,
    name: &'r str,
    city: Option<&'r str>,
    country: &'r str,
    elevation: f64,
    lat: f64,
    lon: f64,
}

/// How often each airport stands in the export.
const COPIES: i32 = 12;
const CHUNK: NonZeroUsize = NonZeroUsize::new(5_000).unwrap();
const SQL: &str = "SELECT copy, icao, iata, name, city, country, elevation, lat, lon \
    FROM pgrepo_export.airports CROSS JOIN generate_series(1, $1) AS copy";

#[tokio::main]
async fn main() -> examples::Result<()> {
    let (db, _server) = examples::database("pgrepo_export", &examples::airports_table("pgrepo_export")).await?;
    // The lines are read as they are sent; one that cannot be read ends the load, and nothing is stored.
    let lines = csv::Reader::from_path(examples::AIRPORTS_CSV)?.into_deserialize();
    let lines = stream::iter(lines.map(|line| line.map_err(Box::<dyn Error>::from)));
    db.repository::<Airport>().copy_in_try_stream::<Airport, _, _>(lines, CopyInOptions::default()).await?;

    let before = examples::peak_memory();
    let folder = Folder::new()?;
    let (by_row, by_chunk) = (folder.file("rows.csv"), folder.file("chunks.csv"));
    let rows = write_rows(&db, &by_row).await?;
    examples::same("rows written in chunks", &write_chunks(&db, &by_chunk).await?, &rows)?;
    let size = std::fs::metadata(&by_row)?.len();
    if let (Some(before), Some(after)) = (before, examples::peak_memory()) {
        println!("two files of {} kB; peak memory: {before} kB before, {after} kB after", size / 1024);
        if after > before + size / 1024 / 4 {
            return Err("memory grew with the result".into());
        }
    }

    // The server sums a hash of each row, of what was selected and of what it reads in the files.
    let selected = format!("SELECT count(*), sum(hashtextextended(row::text, 0))::text FROM ({SQL}) AS row");
    let selected: (i64, String) = db.query(selected).bind(COPIES).fetch_one().await?;
    examples::same("rows selected", &selected.0, &i64::try_from(rows)?)?;
    for path in [&by_row, &by_chunk] {
        examples::same("what the server reads in the file", &read_back(&db, path).await?, &selected)?;
    }
    println!("exported {rows} rows into each of 2 files; the server reads the same in them: checksum {}", selected.1);
    Ok(())
}

/// Writes row by row; nothing of a row is copied but into the file's buffer.
async fn write_rows(db: &Db, path: &Path) -> examples::Result<u64> {
    let mut file = csv::Writer::from_writer(BufWriter::new(File::create(path)?));
    let mut rows = db.query(SQL).bind(COPIES).stream::<Line<'_>>().await?;
    let mut count = 0;
    while let Some(line) = rows.next().await? {
        file.serialize(line)?;
        count += 1;
    }
    file.flush()?;
    Ok(count)
}

/// Writes in pieces, into anything that tokio writes into: a file here, a socket elsewhere.
async fn write_chunks(db: &Db, path: &Path) -> examples::Result<u64> {
    type Owned = (i32, String, Option<String>, String, Option<String>, String, f64, f64, f64);
    let mut file = tokio::fs::File::create(path).await?;
    let mut chunks = db.query(SQL).bind(COPIES).stream::<Owned>().await?.chunks(CHUNK);
    let mut count = 0;
    file.write_all(b"copy,icao,iata,name,city,country,elevation,lat,lon\n").await?;
    while let Some(chunk) = chunks.next_chunk().await? {
        let mut text = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        for row in &chunk {
            text.serialize(row)?;
        }
        file.write_all(&text.into_inner()?).await?;
        count += chunk.len() as u64;
    }
    file.flush().await?;
    Ok(count)
}

/// Has the server count and sum what it reads in a file; none of this is pgrepo's work.
async fn read_back(db: &Db, path: &Path) -> examples::Result<(i64, String)> {
    let mut connection = db.raw().await?;
    let staging = "CREATE TEMPORARY TABLE staged (copy int4, icao text, iata text, name text, city text, country text, \
        elevation float8, lat float8, lon float8)";
    sqlx::raw_sql(staging).execute(&mut *connection).await?;
    let mut copy = connection.copy_in_raw("COPY staged FROM STDIN (FORMAT csv, HEADER true)").await?;
    copy.read_from(tokio::fs::File::open(path).await?).await?;
    copy.finish().await?;
    let sum = "SELECT count(*), sum(hashtextextended(staged::text, 0))::text FROM staged";
    Ok(sqlx::query_as(sum).fetch_one(&mut *connection).await?)
}

/// A folder for the files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("pgrepo-export-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is in the way of it stays in the system's temporary folder.
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}
