use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures_util::StreamExt;
use pgrepo::csv::CsvOptions;
use pgrepo::{CopyFormat, CopyInOptions, Db, Error, ErrorKind, Infinite, Json, Numeric, PgEnum, PgTable, SourceError};
use serde::Deserialize;
use uuid::Uuid;

use super::{AIRPORTS, AIRPORTS_SQL, Airport};
use crate::support::Rng;

#[pgrepo::test]
async fn the_airports_are_loaded_as_another_reader_reads_them(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let file = std::fs::read(AIRPORTS).unwrap();
    let rows = CsvOptions::default().ignore_unknown().read::<Airport, _>(&file[..]);
    let report = db.repository::<Airport>().copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap();
    let expected: Vec<Airport> = csv::Reader::from_reader(&file[..]).into_deserialize().map(Result::unwrap).collect();
    assert_eq!(report.rows, 28_298);
    let mut stored = db.repository::<Airport>().all().fetch_all().await.unwrap();
    let mut sorted = expected;
    sorted.sort_by(|a, b| a.icao.cmp(&b.icao));
    stored.sort_by(|a, b| a.icao.cmp(&b.icao));
    assert!(stored == sorted, "{:?}", stored.iter().zip(&sorted).find(|(a, b)| a != b));
}

#[pgrepo::test]
async fn a_strict_load_ends_at_the_first_bad_line_and_stores_nothing(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let file = std::fs::read_to_string(AIRPORTS).unwrap();
    let mut lines: Vec<&str> = file.lines().collect();
    lines[19_999] = r#""ZZZZ","","n","c","s","US",high,1,2,"UTC","ZZZZ""#;
    lines[25_000] = "short";
    let spoilt = lines.join("\n");
    let rows = || CsvOptions::default().ignore_unknown().read::<Airport, _>(spoilt.as_bytes());
    let airports = db.repository::<Airport>();
    let error: SourceError = airports.copy_in_try_stream(rows(), CopyInOptions::default()).await.unwrap_err();
    let bad = error.row().unwrap();
    assert_eq!((bad.line(), bad.field()), (Some(20_000), Some("elevation")));
    assert_eq!(airports.all().count().await.unwrap(), 0);
    let ours = Error::from(error);
    assert_eq!(ours.kind(), ErrorKind::Decode, "{ours:?}");

    // A load that takes the rows that can be read.
    let mut bad = Vec::new();
    let good = rows().filter_map(|row| {
        let row = row.map_err(|e| bad.push(e.row().unwrap().line().unwrap())).ok();
        std::future::ready(row)
    });
    assert_eq!(airports.copy_in_stream(good).await.unwrap().rows, 28_296);
    assert_eq!(bad, [20_000, 25_001]);
}

#[pgrepo::test]
async fn json_lines_that_the_server_makes_are_loaded_as_they_were(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let file = std::fs::read(AIRPORTS).unwrap();
    let rows = CsvOptions::default().ignore_unknown().read::<Airport, _>(&file[..]);
    let airports = db.repository::<Airport>();
    airports.copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap();
    let before = airports.all().order_by(Airport::ICAO.asc()).fetch_all().await.unwrap();
    let lines: Vec<String> = db.query("SELECT row_to_json(a)::text FROM airports a").fetch_all().await.unwrap();
    let text = lines.join("\n");
    db.query("TRUNCATE airports").execute().await.unwrap();
    let rows = pgrepo::ndjson::read::<Airport, _>(text.as_bytes());
    assert_eq!(airports.copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap().rows, 28_298);
    assert!(airports.all().order_by(Airport::ICAO.asc()).fetch_all().await.unwrap() == before);
}

#[derive(Debug, Clone, Copy, PartialEq, PgEnum, Deserialize)]
#[pg(name = "mood", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, PartialEq, PgTable, Deserialize)]
#[pg(table = "every")]
struct Every {
    #[pg(primary_key)]
    id: i64,
    small: Option<i16>,
    yes: Option<bool>,
    single: Option<f32>,
    double: Option<f64>,
    exact: Option<Numeric>,
    words: Option<String>,
    raw: Option<Bytes>,
    day: Option<NaiveDate>,
    #[serde(deserialize_with = "pgrepo::csv::timestamp")]
    at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "pgrepo::csv::timestamp")]
    local: Option<Infinite<NaiveDateTime>>,
    key: Option<Uuid>,
    document: Option<Json<serde_json::Value>>,
    numbers: Option<Vec<i32>>,
    texts: Option<Vec<Option<String>>>,
    mood: Option<Mood>,
}

const EVERY: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE every (id int8 PRIMARY KEY, small int2, yes bool, single float4, double float8, exact numeric, words text,
    raw bytea, day date, at timestamptz, local timestamp, key uuid, document jsonb, numbers int4[], texts text[], mood mood);
INSERT INTO every VALUES
    (1, -32768, true, 1.1, 0.1, 12.50, 'plain', '\x00ff', '2024-02-29', '2024-02-29 12:34:56.789012+02', '1999-12-31 23:59:59.5',
     '00000000-0000-0000-0000-00000000000f', '{"a": [1, null, "x,\"y\""]}', '{1,-2}', '{a,NULL,"NULL","","a,b","q\"\\"}', 'happy'),
    (2, 32767, false, 'NaN', '-Infinity', 'NaN', E'a,"b"\n\\c\t\r\n, é🦀', '', '0001-01-01', '1970-01-01 00:00:00+00', '-infinity',
     'ffffffff-ffff-ffff-ffff-ffffffffffff', '"text"', '{}', '{}', 'sad'),
    (3, NULL, NULL, NULL, 5e-324, 1e40, '', NULL, NULL, NULL, 'infinity', NULL, 'null', NULL, NULL, NULL);
INSERT INTO every (id) VALUES (4)"#;

#[pgrepo::test]
async fn what_is_unloaded_as_csv_is_loaded_as_the_same(db: Db) {
    db.execute_script(EVERY).await.unwrap();
    let every = db.repository::<Every>();
    let (mut csv, mut again) = (Vec::new(), Vec::new());
    let format = CopyFormat::csv().null("\\N");
    let ordered = || every.all().order_by(Every::ID.asc());
    let report = ordered().copy_out_raw(&format, &mut csv).await.unwrap();
    assert_eq!((report.rows, report.bytes), (4, csv.len() as u64));
    let before = ordered().fetch_all().await.unwrap();
    db.query("TRUNCATE every").execute().await.unwrap();
    let rows = CsvOptions::default().null("\\N").read::<Every, _>(&csv[..]);
    assert_eq!(every.copy_in_try_stream(rows, CopyInOptions::default()).await.unwrap().rows, 4);
    let after = ordered().fetch_all().await.unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"), "NaN is not equal to itself");
    ordered().copy_out_raw(&format, &mut again).await.unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(csv).unwrap());
}

/// Ten thousand airports as lines, some of them spoilt; and which lines are.
fn spoilt(line: impl Fn(&Airport) -> String, ways: &[&dyn Fn(&str) -> String]) -> (String, Vec<Airport>, Vec<u64>) {
    let file = std::fs::read(AIRPORTS).unwrap();
    let all = csv::Reader::from_reader(&file[..]).into_deserialize::<Airport>().map(Result::unwrap);
    let mut rng = Rng(0xbad);
    let (mut text, mut good, mut bad) = (String::new(), Vec::new(), Vec::new());
    for (airport, number) in all.take(10_000).zip(1..) {
        let line = line(&airport);
        if rng.below(20) == 0 {
            text += &ways[rng.below(ways.len())](&line);
            bad.push(number);
        } else {
            text += &line;
            good.push(airport);
        }
        text += ["\n", "\r\n"][rng.below(2)];
    }
    assert!(bad.len() > 400, "{}", bad.len());
    (text, good, bad)
}

async fn loaded<S>(db: &Db, rows: S, good: Vec<Airport>, bad: Vec<u64>)
where
    S: futures_util::Stream<Item = Result<Airport, SourceError>> + Send,
{
    let airports = db.repository::<Airport>();
    let (report, rejects) = airports.load_try_stream(rows).collect().await.unwrap();
    assert_eq!((report.rows, report.rejected), (good.len() as u64, bad.len() as u64));
    assert_eq!(rejects.iter().map(|reject| reject.line().unwrap()).collect::<Vec<_>>(), bad);
    assert!(rejects.iter().all(|reject| reject.row.is_none() && reject.error.kind() == ErrorKind::Decode));
    let mut stored = airports.all().fetch_all().await.unwrap();
    let mut good = good;
    stored.sort_by(|a, b| a.icao.cmp(&b.icao));
    good.sort_by(|a, b| a.icao.cmp(&b.icao));
    assert!(stored == good);
}

#[pgrepo::test]
async fn a_tolerant_load_of_csv_sets_exactly_the_spoilt_lines_aside(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let quoted = |text: &Option<String>| format!("\"{}\"", text.as_deref().unwrap_or_default().replace('"', "\"\""));
    let line = |a: &Airport| {
        let Airport { icao, iata, name, city, subd, country, elevation, lat, lon, tz } = a;
        let (iata, name, city, subd) = (quoted(iata), quoted(&Some(name.clone())), quoted(city), quoted(subd));
        format!("{icao},{iata},{name},{city},{subd},{country},{elevation},{lat},{lon},{tz}")
    };
    let (text, good, bad) = spoilt(
        line,
        &[
            &|line| format!("{line},more"),
            &|line| line.rsplit_once(',').unwrap().0.to_owned(),
            &|line| line.replace(',', ";"),
            &|_| "x,y,z,a,b,c,high,1,1,1".to_owned(),
        ],
    );
    let rows = CsvOptions::default().without_header().read::<Airport, _>(text.as_bytes());
    loaded(&db, rows, good, bad).await;
}

#[pgrepo::test]
async fn a_tolerant_load_of_json_lines_sets_exactly_the_spoilt_lines_aside(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let line = |a: &Airport| serde_json::to_string(a).unwrap();
    let (text, good, bad) = spoilt(
        line,
        &[
            &|line| format!("{line}}}"),
            &|line| line[..line.len() / 2].trim_end_matches(|c: char| !c.is_ascii()).to_owned(),
            &|line| line.replace("\"elevation\":", "\"elevation\":\"high\",\"x\":"),
            &|line| line.replace("\"icao\"", "\"code\""),
        ],
    );
    let rows = pgrepo::ndjson::read::<Airport, _>(text.as_bytes());
    loaded(&db, rows, good, bad).await;
}

#[pgrepo::test]
async fn a_source_that_ends_early_ends_a_tolerant_load_too(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    let header = "icao,iata,name,city,subd,country,elevation,lat,lon,tz\n";
    let unclosed = format!("{header}AAAA,,n,,,CH,1,2,3,UTC\nBBBB,,\"n,,,CH,1,2,3,UTC\n");
    let misnamed = format!("{}AAAA,,n,,,CH,1,2,3,UTC\n", header.replace("lat", "latitude"));
    for (text, words) in [(unclosed, "inside of a quoted field"), (misnamed, "not read: \"latitude\"")] {
        let rows = pgrepo::csv::read::<Airport, _>(text.as_bytes());
        let error = db.repository::<Airport>().load_try_stream(rows).collect().await.unwrap_err();
        assert!(format!("{error:?}").contains(words), "{error:?}");
        assert_eq!(db.repository::<Airport>().all().count().await.unwrap(), 0);
    }
}
