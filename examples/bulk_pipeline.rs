//! Loads the airports from CSV with lines that are spoilt on purpose, follows the load with a progress bar, merges a second,
//! changed edition of the file, of which some lines are spoilt as well, and compares what is reported with what was planted
//! and with what SQL counts.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use csv::StringRecord;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use pgrepo::csv::CsvOptions;
use pgrepo::{CopyInOptions, Db, Duplicates, LoadProgress, MergeReport, PgTable, Progress, Rejected};
use serde::Deserialize;
use tokio::sync::watch::Receiver;

/// A row of the table, and a line of the file.
#[derive(Debug, Clone, PartialEq, PgTable, Deserialize)]
#[pg(schema = "pgrepo_bulk_pipeline", table = "airports")]
struct Airport {
    #[pg(primary_key)]
    icao: String,
    iata: Option<String>,
    name: String,
    country: String,
    elevation: f64,
    lat: f64,
    lon: f64,
}

#[derive(PgTable)]
#[pg(schema = "pgrepo_bulk_pipeline", table = "countries")]
struct Country {
    #[pg(primary_key)]
    code: String,
}

const TABLES: &str = "DROP SCHEMA IF EXISTS pgrepo_bulk_pipeline CASCADE; CREATE SCHEMA pgrepo_bulk_pipeline; \
    CREATE TABLE pgrepo_bulk_pipeline.countries (code text PRIMARY KEY); \
    CREATE TABLE pgrepo_bulk_pipeline.airports (icao varchar(4) PRIMARY KEY, iata text, name text NOT NULL, \
        country text NOT NULL REFERENCES pgrepo_bulk_pipeline.countries, elevation float8 NOT NULL, \
        lat float8 NOT NULL CHECK (lat BETWEEN -90 AND 90), lon float8 NOT NULL)";

/// The columns of the file.
const ICAO: usize = 0;
const NAME: usize = 2;
const COUNTRY: usize = 5;
const ELEVATION: usize = 6;
const LAT: usize = 7;

/// How the fields of a line are spoilt, given the line before, and what is to blame then.
type Way = (&'static str, fn(&mut Vec<String>, &StringRecord));

const WAYS: [Way; 7] = [
    ("elevation", |line, _| line[ELEVATION] = "high".to_owned()),
    ("the line", |line, _| line.truncate(LAT)),
    ("icao", |line, _| line[ICAO] += "-OLD"),
    ("airports_pkey", |line, before| line[ICAO] = before[ICAO].to_owned()),
    ("airports_lat_check", |line, _| line[LAT] = "98.7".to_owned()),
    ("airports_country_fkey", |line, _| line[COUNTRY] = "??".to_owned()),
    ("name", |line, _| line[NAME].insert(1, '\0')),
];

/// One line in so many is spoilt, in each of the ways in turn.
const EVERY: usize = 400;
/// Of the second edition. A line with the key of another one is no bad row of it: the later one wins.
const EVERY_SECOND: usize = 1000;
const OTHER_KEY: &str = "airports_pkey";
/// What the second edition has more.
const NEW: usize = 500;
const TWICE: usize = 100;

#[tokio::main]
async fn main() -> examples::Result<()> {
    let mut file = csv::Reader::from_path(examples::AIRPORTS_CSV)?;
    let (header, lines) = (file.headers()?.clone(), file.records().collect::<Result<Vec<_>, _>>()?);
    let (db, _server) = examples::database("pgrepo_bulk_pipeline", TABLES).await?;
    let countries: BTreeMap<&str, ()> = lines.iter().map(|line| (&line[COUNTRY], ())).collect();
    db.repository::<Country>().copy_in(countries.keys().map(|code| Country { code: (*code).to_owned() })).await?;

    let (loaded, rejected) = load(&db, &header, &lines).await?;
    let (merged, differences) = merge(&db, &header, &lines).await?;
    let MergeReport { inserted, updated, unchanged, duplicates, rejected: refused, .. } = merged;
    println!(
        "loaded {loaded} and rejected {rejected} as planted; merged: {inserted} inserted, {updated} updated, \
         {unchanged} unchanged, {duplicates} twice, {refused} rejected, as SQL counts them; differences {differences}"
    );
    Ok(())
}

/// Loads the lines with some of them spoilt; returns how many are stored and how many not.
async fn load(db: &Db, header: &StringRecord, lines: &[StringRecord]) -> examples::Result<(u64, u64)> {
    let (text, planted) = spoilt(header, lines, EVERY, &WAYS)?;
    let rows = CsvOptions::default().ignore_unknown().read::<Airport, _>(&text[..]);

    let (progress, seen) = Progress::channel();
    let options = CopyInOptions::default().expected_rows(lines.len() as u64).progress(progress);
    let load = db.repository::<Airport>().load_try_stream(rows).options(options).max_rejects(100).collect();
    let (ended, drawn) = tokio::join!(load, draw(seen));
    let (report, rejects) = ended?;
    drawn?;

    println!("{} stored, {} rejected, {} rows sent again to find these", report.rows, report.rejected, report.resent);
    print_reasons(&rejects);
    let told: Vec<_> = rejects.iter().map(|reject| (reject.index, blamed(reject))).collect();
    examples::same("the rejects", &told, &planted)?;
    let is_good = |index: &usize| planted.iter().all(|(bad, _)| *bad != *index as u64);
    let good: Vec<_> = (0..lines.len()).filter(is_good).map(|index| lines[index][NAME].len()).collect();
    let sql = "SELECT count(*), sum(octet_length(name)) FROM pgrepo_bulk_pipeline.airports";
    let stored: (i64, i64) = db.query(sql).fetch_one().await?;
    examples::same("rows and bytes of names", &stored, &(int(good.len())?, int(good.iter().sum())?))?;
    examples::same("rows", &(report.rows, report.rejected), &(good.len() as u64, planted.len() as u64))?;
    Ok((report.rows, report.rejected))
}

/// The place of a line that is spoilt, and what is to blame.
type Planted = (u64, &'static str);

/// The file with one line in so many spoilt; and which ones, with what is to blame.
fn spoilt(
    header: &StringRecord,
    lines: &[StringRecord],
    every: usize,
    ways: &[Way],
) -> examples::Result<(Vec<u8>, Vec<Planted>)> {
    let (mut file, mut planted) = (csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()), Vec::new());
    file.write_record(header)?;
    for (index, line) in lines.iter().enumerate() {
        if index % every != every - 1 {
            file.write_record(line)?;
            continue;
        }
        let (reason, spoil) = ways[planted.len() % ways.len()];
        let mut fields = line.iter().map(str::to_owned).collect();
        spoil(&mut fields, &lines[index - 1]);
        file.write_record(fields)?;
        planted.push((index as u64, reason));
    }
    Ok((file.into_inner()?, planted))
}

/// Prints how many rows were rejected for each reason.
fn print_reasons(rejects: &[Rejected<Airport>]) {
    let mut by_reason = BTreeMap::<&str, Vec<&Rejected<Airport>>>::new();
    for reject in rejects {
        by_reason.entry(blamed(reject)).or_default().push(reject);
    }
    for (reason, rejects) in by_reason {
        println!("  {} by {reason}, the first is row {}: {}", rejects.len(), rejects[0].index, rejects[0].message());
    }
}

/// What is to blame for a reject: a constraint, a field, or the line.
fn blamed(reject: &Rejected<Airport>) -> &str {
    reject.constraint().or(reject.field()).unwrap_or("the line")
}

/// Draws a bar until the load is over, and prints how it ended.
async fn draw(mut seen: Receiver<LoadProgress>) -> examples::Result<()> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {msg}")?);
    while seen.changed().await.is_ok() {
        let now = seen.borrow_and_update().clone();
        bar.set_length(now.expected_rows.unwrap_or_default());
        bar.set_position(now.rows_done());
        bar.set_message(now.to_string());
    }
    bar.finish_and_clear();
    println!("{}", *seen.borrow());
    Ok(())
}

/// Merges a second edition; returns what became of its rows, and how many rows are stored otherwise than it has them.
async fn merge(db: &Db, header: &StringRecord, lines: &[StringRecord]) -> examples::Result<(MergeReport, usize)> {
    let edition = second_edition(lines)?;
    let ways: Vec<Way> = WAYS.into_iter().filter(|(reason, _)| *reason != OTHER_KEY).collect();
    let (text, planted) = spoilt(header, &edition, EVERY_SECOND, &ways)?;
    db.execute_script("CREATE TABLE pgrepo_bulk_pipeline.before AS TABLE pgrepo_bulk_pipeline.airports").await?;
    let airports = db.repository::<Airport>();
    let mut expected: BTreeMap<String, Airport> = BTreeMap::new();
    for airport in airports.all().fetch_all().await? {
        expected.insert(airport.icao.clone(), airport);
    }

    let rows = CsvOptions::default().ignore_unknown().read::<Airport, _>(&text[..]);
    let merge = airports.merge_try_stream(rows).duplicates(Duplicates::LastWins).tolerant().max_rejects(100);
    let (report, rejects) = merge.collect().await?;
    println!("{report:?}");
    print_reasons(&rejects);

    let told: Vec<_> = rejects.iter().map(|reject| (reject.index, blamed(reject))).collect();
    examples::same("the merge's rejects", &told, &planted)?;
    let is_bad = |index: usize| planted.iter().any(|(bad, _)| *bad == index as u64);
    let bad: Vec<&str> = (0..edition.len()).filter(|index| is_bad(*index)).map(|index| &edition[index][ICAO]).collect();
    let sql = "SELECT count(*) FILTER (WHERE b.icao IS NULL), \
            count(*) FILTER (WHERE b.icao IS NOT NULL AND ROW(a.*) IS DISTINCT FROM ROW(b.*)), \
            count(*) FILTER (WHERE ROW(a.*) IS NOT DISTINCT FROM ROW(b.*)) \
        FROM pgrepo_bulk_pipeline.airports a LEFT JOIN pgrepo_bulk_pipeline.before b ON b.icao = a.icao \
        WHERE a.icao <> ALL ($1)";
    let counted: (i64, i64, i64) = db.query(sql).bind(&bad).fetch_one().await?;
    let told = (i64::try_from(report.inserted)?, i64::try_from(report.updated)?, i64::try_from(report.unchanged)?);
    examples::same("inserted, updated and unchanged", &told, &counted)?;
    examples::same("those that came twice", &report.duplicates, &(TWICE as u64))?;
    examples::same("all rows", &report.total(), &(edition.len() as u64))?;

    // Of those that come twice the later one takes the place of the earlier; what a bad line is about is as it was.
    let mut clean = csv::Writer::from_writer(Vec::new());
    clean.write_record(header)?;
    for (_, line) in edition.iter().enumerate().filter(|(index, _)| !is_bad(*index)) {
        clean.write_record(line)?;
    }
    let clean = clean.into_inner()?;
    let good: Vec<Airport> = CsvOptions::default().ignore_unknown().read(&clean[..]).try_collect().await?;
    expected.extend(good.into_iter().map(|airport| (airport.icao.clone(), airport)));
    let stored = airports.all().fetch_all().await?;
    let differs = |airport: &&Airport| expected.get(&airport.icao) != Some(airport);
    let differences = stored.iter().filter(differs).count() + stored.len().abs_diff(expected.len());
    examples::same("rows that differ from the second edition", &differences, &0)?;
    Ok((report, differences))
}

/// The lines a year later: each seventh runway was measured anew, some strips are new, and the first airports come a second
/// time under another name.
fn second_edition(lines: &[StringRecord]) -> examples::Result<Vec<StringRecord>> {
    let with = |line: &StringRecord, column: usize, value: &str| -> StringRecord {
        line.iter().enumerate().map(|(i, field)| if i == column { value } else { field }).collect()
    };
    let mut edition = Vec::with_capacity(lines.len() + NEW + TWICE);
    for (index, line) in lines.iter().enumerate() {
        let elevation = &line[ELEVATION];
        let higher = (elevation.parse::<f64>()? + 1.0).to_string();
        edition.push(with(line, ELEVATION, if index % 7 == 0 { &higher } else { elevation }));
    }
    edition.extend(lines.iter().take(NEW).enumerate().map(|(index, line)| with(line, ICAO, &format!("~{index:03}"))));
    edition.extend(lines.iter().take(TWICE).map(|line| with(line, NAME, &format!("{}, renamed", &line[NAME]))));
    Ok(edition)
}

fn int(count: usize) -> examples::Result<i64> {
    Ok(i64::try_from(count)?)
}
