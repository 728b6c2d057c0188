//! Identifiers of every sort.

use pgrepo::table::quote_ident;
use pgrepo::{Db, Value};

use crate::support::Rng;

/// Pieces that a careless quoting trips over, and letters.
const PIECES: [&str; 24] = [
    "\"",
    "\"\"",
    "'",
    "\\",
    ";",
    "--",
    "/*",
    "*/",
    "$$",
    ".",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{1}",
    "\u{7f}",
    "é",
    "漢",
    "🦀",
    "DROP TABLE t",
    "select",
    "U&",
    "A",
    "z",
];

/// Words that are plain, or plain but reserved, which the server quotes or does not.
const WORDS: [&str; 12] =
    ["a", "_", "a1", "a$", "1a", "select", "user", "between", "Abc", "abc_def", "übung", "timestamp"];

/// A name of 1 to 63 bytes: pieces, any characters but NUL, or a word.
fn name(rng: &mut Rng) -> String {
    let (mut name, most) = (String::new(), 1 + rng.below(63));
    let any = match rng.below(8) {
        0 => return WORDS[rng.below(WORDS.len())].to_owned(),
        n => n < 4,
    };
    loop {
        let piece = match any {
            true => character(rng).to_string(),
            false => PIECES[rng.below(PIECES.len())].to_owned(),
        };
        if name.len() + piece.len() > most && !name.is_empty() {
            return name;
        }
        name.push_str(&piece);
    }
}

/// A character of any sort: half of them of one byte.
fn character(rng: &mut Rng) -> char {
    loop {
        let number = if rng.below(2) == 0 { 1 + rng.below(127) } else { 128 + rng.below(0x11_0000 - 128) };
        if let Some(c) = u32::try_from(number).ok().and_then(char::from_u32) {
            return c;
        }
    }
}

const NAMES: usize = 1_000_000;
const AT_ONCE: usize = 20_000;

#[pgrepo::test]
async fn fault_44_a_million_names_are_read_by_the_server_as_they_were_quoted(db: Db) {
    let mut rng = Rng(44);
    // What the server's own `quote_ident` makes of a name is the same text, or the name itself where it is plain, and the
    // server reads both as the same.
    let parse = "SELECT n FROM unnest($1::text[], $2::text[]) AS x(n, q) WHERE parse_ident(q) IS DISTINCT FROM ARRAY[n] \
                 OR parse_ident(quote_ident(n)) IS DISTINCT FROM ARRAY[n] OR quote_ident(n) NOT IN (q, n)";
    let (mut equal, mut plain) = (0, 0);
    for _ in 0..NAMES / AT_ONCE {
        let names: Vec<String> = (0..AT_ONCE).map(|_| name(&mut rng)).collect();
        let quoted: Vec<String> = names.iter().map(|name| quote_ident(name)).collect();
        let wrong: Vec<String> = db.query(parse).bind(&names).bind(&quoted).fetch_all().await.unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        let count = "SELECT count(*) FILTER (WHERE quote_ident(n) = q), count(*) FILTER (WHERE quote_ident(n) = n) \
                     FROM unnest($1::text[], $2::text[]) AS x(n, q)";
        let (same, bare): (i64, i64) = db.query(count).bind(&names).bind(&quoted).fetch_one().await.unwrap();
        equal += same;
        plain += bare;
    }
    assert!(equal > 500_000 && plain > 10_000, "{equal} were quoted as the server does, and {plain} need not be");
}

#[pgrepo::test]
async fn fault_44_rows_go_into_tables_and_columns_of_any_name(db: Db) {
    let mut rng = Rng(44);
    for i in 0..50_i64 {
        let (schema, table, column) = (name(&mut rng), name(&mut rng), name(&mut rng));
        let [s, t, c] = [&schema, &table, &column].map(|name| quote_ident(name));
        db.execute_script(&format!("CREATE SCHEMA IF NOT EXISTS {s}; CREATE TABLE {s}.{t} ({c} int8)")).await.unwrap();
        let report = db.copy_records((&*schema, &*table), &[&*column], [[Value::from(i)]]).await.unwrap();
        assert_eq!(report.rows, 1, "{schema:?}.{table:?}.{column:?}");
        let sql = format!("SELECT {c} FROM {s}.{t}");
        assert_eq!(db.query(&*sql).fetch_one::<i64>().await.unwrap(), i);
    }
    // What no name can be, and a column's that the server would cut down to another's.
    let (kept, long) = ("x".repeat(63), "x".repeat(64));
    db.execute_script(&format!("CREATE TABLE t (a int8); CREATE TABLE {kept} (a int8, {kept} int8)")).await.unwrap();
    for (table, column) in [("", "a"), ("t", ""), ("a\0b", "a"), ("t", "a\0b"), (&*kept, &*long)] {
        let copied = db.copy_records(table, &[column], [[Value::from(1)]]).await;
        assert!(copied.is_err(), "{table:?} {column:?}: {copied:?}");
    }
    assert_eq!(
        db.query(&*format!("SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM {kept})"))
            .fetch_one::<i64>()
            .await
            .unwrap(),
        0
    );
}
