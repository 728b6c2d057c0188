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

/// A name of 1 to 63 bytes.
fn name(rng: &mut Rng) -> String {
    let (mut name, most) = (String::new(), 1 + rng.below(63));
    loop {
        let piece = PIECES[rng.below(PIECES.len())];
        if name.len() + piece.len() > most && !name.is_empty() {
            return name;
        }
        name.push_str(piece);
    }
}

const NAMES: usize = 1_000_000;
const AT_ONCE: usize = 20_000;

#[pgrepo::test]
async fn fault_44_a_million_names_are_read_by_the_server_as_they_were_quoted(db: Db) {
    let mut rng = Rng(44);
    let parse = "SELECT n FROM unnest($1::text[], $2::text[]) AS x(n, q) WHERE parse_ident(q) IS DISTINCT FROM ARRAY[n] \
                 OR quote_ident(n) NOT IN (q, n)";
    for _ in 0..NAMES / AT_ONCE {
        let names: Vec<String> = (0..AT_ONCE).map(|_| name(&mut rng)).collect();
        let quoted: Vec<String> = names.iter().map(|name| quote_ident(name)).collect();
        let wrong: Vec<String> = db.query(parse).bind(&names).bind(&quoted).fetch_all().await.unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
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
