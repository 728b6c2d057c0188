//! How many instructions a row takes to encode, decode, split and send: `cargo bench -p tests --bench codec`.
//!
//! valgrind counts them; they do not drift as times do. Each row of the table is compared with the number committed in
//! `instructions.txt`, and fails when it is more than 3 % off, in either direction: what became better is committed
//! too, so that it stays so. `cargo bench -p tests --bench codec -- --update` renews the file.
//!
//! Another compiler, profile, dependency, libc or valgrind shifts the numbers: each is a reason to renew them, in a
//! commit that names it. So may a processor with other vector instructions, since libc picks its `memcpy` by them.
//! Then the hand-written code's numbers, which stand beside, shift as well.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use pgrepo::copy::frame::{HEADER, TRAILER, TupleReader, decode_row, encode_marked, encode_row, row_length, sent};
use pgrepo::testkit::need;
use pgrepo::{FromRow, TypeInfo, WriteFields};
use sqlx::postgres::PgRow;
use tests::rows::{NarrowRef, Wide, WideRef, narrow, narrow_types, wide, wide_types};
use tests::{by_hand, counted};

mod fetched;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const UPDATE: &str = "cargo bench -p tests --bench codec -- --update";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/codec/instructions.txt");
const BAND: f64 = 0.03;

/// Rows of a turn.
const ROWS: u32 = 256;
/// Turns of the two runs whose difference is counted: it leaves out what goes before the first.
const TURNS: [u32; 2] = [4, 24];
/// A load's buffer is handed over when it holds so much.
const CHUNK: usize = 32 * 1024;

/// Works on [`ROWS`] rows.
type Turn = Box<dyn FnMut()>;

struct Workload {
    name: &'static str,
    pgrepo: Turn,
    /// Code for these rows only, where there is some.
    hand: Option<Turn>,
}

fn workload(name: &'static str, pgrepo: Turn, hand: Option<Turn>) -> Workload {
    Workload { name, pgrepo, hand }
}

fn workloads() -> Vec<Workload> {
    let (wides, narrows) = (rows(wide), rows(narrow));
    let (wide_tuples, narrow_tuples) = (tuples(&wides, &wide_types()), tuples(&narrows, &narrow_types()));
    let (types, few) = (wide_types, narrow_types);
    vec![
        workload(
            "encode wide",
            encoding(&wides, types(), |row, types, out| encode_row(row, types, out).unwrap()),
            Some(encoding(&wides, types(), |row, _, out| by_hand::encode_wide(row, out))),
        ),
        workload(
            "encode narrow",
            encoding(&narrows, few(), |row, types, out| encode_row(row, types, out).unwrap()),
            Some(encoding(&narrows, few(), |row, _, out| by_hand::encode_narrow(row, out))),
        ),
        workload(
            "decode wide",
            decoding(&wide_tuples, types(), |tuple, types| consume(&decode_row::<Wide>(tuple, types).unwrap())),
            Some(decoding(&wide_tuples, types(), |tuple, _| consume(&by_hand::decode_wide(tuple).unwrap()))),
        ),
        workload(
            "decode wide borrowed",
            decoding(&wide_tuples, types(), |tuple, types| consume(&decode_row::<WideRef<'_>>(tuple, types).unwrap())),
            Some(decoding(&wide_tuples, types(), |tuple, _| consume(&by_hand::decode_wide_ref(tuple).unwrap()))),
        ),
        workload(
            "decode narrow borrowed",
            decoding(&narrow_tuples, few(), |tuple, types| {
                consume(&decode_row::<NarrowRef<'_>>(tuple, types).unwrap());
            }),
            Some(decoding(&narrow_tuples, few(), |tuple, _| consume(&by_hand::decode_narrow_ref(tuple).unwrap()))),
        ),
        workload("query wide", reading::<Wide>(&wide_tuples), None),
        workload("query wide borrowed", reading::<WideRef<'_>>(&wide_tuples), None),
        workload("send wide", sending(&wides, wide_types(), None), None),
        workload("send wide without its id", sending(&wides, wide_types().split_off(1), Some(without_id())), None),
        workload("send narrow", sending(&narrows, narrow_types(), None), None),
        workload("split wide", splitting(pieces(&wide_tuples), 10), None),
        workload("split narrow", splitting(pieces(&narrow_tuples), 3), None),
    ]
}

fn rows<R>(row: fn(u32) -> R) -> Vec<R> {
    (0..ROWS).map(row).collect()
}

/// The marks of a load that leaves a wide row's key to the server.
fn without_id() -> Vec<bool> {
    let mut marks = vec![true; 10];
    marks[0] = false;
    marks
}

/// Encodes rows into a buffer that is emptied after each turn.
fn encoding<R: Clone + 'static>(
    rows: &[R],
    types: Vec<TypeInfo>,
    encode: impl Fn(&R, &[TypeInfo], &mut Vec<u8>) + 'static,
) -> Turn {
    let rows = rows.to_vec();
    let mut out = Vec::with_capacity(1 << 17);
    Box::new(move || {
        for row in &rows {
            encode(black_box(row), &types, &mut out);
        }
        black_box(&mut out).clear();
    })
}

/// Decodes tuples, without their field counts.
fn decoding(tuples: &[Vec<u8>], types: Vec<TypeInfo>, decode: impl Fn(&[u8], &[TypeInfo]) + 'static) -> Turn {
    let tuples = tuples.to_vec();
    Box::new(move || {
        for tuple in &tuples {
            decode(black_box(&tuple[2..]), &types);
        }
    })
}

/// Decodes the wide rows of a query, which are fetched before the first turn.
fn reading<T: FromRow + 'static>(tuples: &[Vec<u8>]) -> Turn {
    let tuples = tuples.to_vec();
    let mut rows = Vec::new();
    Box::new(move || {
        if rows.is_empty() {
            rows = fetched(&tuples);
        }
        pgrepo::__private::from_pg_rows::<T>(black_box(&rows), |row| {
            black_box(row);
        })
        .unwrap();
    })
}

fn fetched(tuples: &[Vec<u8>]) -> Vec<PgRow> {
    fetched::fetched(<Wide as WriteFields>::COLUMNS, &wide_types(), tuples).unwrap()
}

/// A row is looked at before its buffer goes.
fn consume<R>(row: &R) {
    black_box(row);
}

/// A load of the rows, as `CopyIn` makes it: all fields, or the marked ones.
fn sending<R: WriteFields + Clone + 'static>(rows: &[R], types: Vec<TypeInfo>, marks: Option<Vec<bool>>) -> Turn {
    let rows = rows.to_vec();
    let mut out = Vec::with_capacity(2 * CHUNK);
    Box::new(move || {
        let _decided = black_box(sent(black_box(&rows[0])).unwrap());
        send(&rows, &types, marks.as_deref(), &mut out, |chunk| {
            black_box(chunk);
        });
    })
}

fn send<R: WriteFields>(
    rows: &[R],
    types: &[TypeInfo],
    marks: Option<&[bool]>,
    out: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
) {
    out.extend_from_slice(HEADER);
    for row in rows {
        let before = out.len();
        match marks {
            None => encode_row(black_box(row), types, out).unwrap(),
            Some(marks) => encode_marked(black_box(row), marks, types, out).unwrap(),
        }
        row_length(out.len() - before).unwrap();
        if out.len() >= CHUNK {
            take(out);
            out.clear();
        }
    }
    out.extend_from_slice(&TRAILER);
    take(out);
    out.clear();
}

/// Cuts the data of a COPY into tuples.
fn splitting(pieces: Vec<Bytes>, columns: usize) -> Turn {
    Box::new(move || {
        split(&pieces, columns, |tuple| {
            black_box(tuple);
        });
    })
}

fn split(pieces: &[Bytes], columns: usize, mut take: impl FnMut(&[u8])) {
    let mut reader = TupleReader::default();
    for piece in pieces {
        reader.feed(black_box(piece).clone());
        while let Some(tuple) = reader.next(columns).unwrap() {
            take(tuple);
        }
    }
    assert!(reader.ended());
}

/// The pieces in which a server sends tuples, and the driver hands them over: one each, the header with the first.
fn pieces(tuples: &[Vec<u8>]) -> Vec<Bytes> {
    let first = [HEADER, tuples[0].as_slice()].concat();
    let rest = tuples[1..].iter().cloned();
    [first].into_iter().chain(rest).chain([TRAILER.to_vec()]).map(Bytes::from).collect()
}

fn tuples<R: WriteFields>(rows: &[R], types: &[TypeInfo]) -> Vec<Vec<u8>> {
    let tuple = |row| {
        let mut out = Vec::new();
        encode_row(row, types, &mut out).unwrap();
        out
    };
    rows.iter().map(tuple).collect()
}

/// Both do the same, and what they do is right.
fn check() {
    for n in 0..ROWS {
        let row = wide(n);
        let (mut ours, mut hand) = (Vec::new(), Vec::new());
        encode_row(&row, &wide_types(), &mut ours).unwrap();
        by_hand::encode_wide(&row, &mut hand);
        assert_eq!(ours, hand);
        assert_eq!(by_hand::decode_wide(&ours[2..]).unwrap(), row);
        assert_eq!(decode_row::<Wide>(&ours[2..], &wide_types()).unwrap(), row);
        let (mut ours, mut hand) = (Vec::new(), Vec::new());
        encode_row(&narrow(n), &narrow_types(), &mut ours).unwrap();
        by_hand::encode_narrow(&narrow(n), &mut hand);
        assert_eq!(ours, hand);
    }
    let wides = rows(wide);
    let tuples = tuples(&wides, &wide_types());
    let mut back = Vec::new();
    pgrepo::__private::from_pg_rows::<Wide>(&fetched(&tuples), |row| back.push(row)).unwrap();
    assert_eq!(back, wides);
    let mut back = Vec::new();
    split(&pieces(&tuples), 10, |tuple| back.push(tuple.to_vec()));
    assert!(back.iter().eq(tuples.iter().map(|tuple| &tuple[2..])));
    // Of each tuple the first field goes, an int8 with its length.
    let marked = tuples.iter().map(|tuple| [&[0, 9], &tuple[14..]].concat());
    for (marks, from, tuples) in [(None, 0, tuples.clone()), (Some(without_id()), 1, marked.collect())] {
        let mut data = Vec::new();
        send(&wides, &wide_types()[from..], marks.as_deref(), &mut Vec::new(), |chunk| data.extend_from_slice(chunk));
        assert_eq!(data, pieces(&tuples).concat());
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["--turns", name, of, turns] => turn(name, of, turns),
        [] => guard(false),
        ["--update"] => guard(true),
        _ => Err(format!("unknown arguments: {}", args.join(" ")).into()),
    };
    tests::ended(result)
}

/// What valgrind runs.
fn turn(name: &str, of: &str, turns: &str) -> Result<()> {
    let found = workloads().into_iter().find(|w| w.name == name).ok_or("an unknown workload")?;
    let mut turn = if of == "hand" { found.hand.ok_or("nothing by hand")? } else { found.pgrepo };
    (0..turns.parse::<u32>()?).for_each(|_| turn());
    Ok(())
}

/// Instructions a row.
#[derive(Clone, Copy)]
struct Count {
    pgrepo: f64,
    hand: Option<f64>,
}

fn guard(update: bool) -> Result<()> {
    check();
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("nothing was compared: the committed numbers are those of x86-64 Linux");
        return Ok(());
    }
    let Some(valgrind) = need("the instruction guard", "valgrind", "apt-get install valgrind") else {
        println!("nothing was compared: valgrind counts the instructions, and it is not installed");
        return Ok(());
    };
    let committed = if update { String::new() } else { std::fs::read_to_string(FILE)? };
    let committed = read(&committed)?;
    println!(
        "{:<24} {:>10} {:>10} {:>8} {:>10} {:>8}",
        "instructions a row", "pgrepo", "hand", "ratio", "committed", "change"
    );
    let mut text = format!(
        "# Instructions a row: pgrepo's, and the hand-written code's where there is some.\n# Renewed by: {UPDATE}\n"
    );
    let mut failures = Vec::new();
    for Workload { name, hand, .. } in workloads() {
        let count = Count {
            pgrepo: instructions(&valgrind, name, "pgrepo")?,
            hand: hand.map(|_| instructions(&valgrind, name, "hand")).transpose()?,
        };
        let before = committed.get(name);
        println!(
            "{name:<24} {:>10.1} {:>10} {:>8} {:>10} {:>8}",
            count.pgrepo,
            shown(count.hand),
            count.hand.map_or("-".to_owned(), |hand| format!("{:.3}", count.pgrepo / hand)),
            shown(before.map(|before| before.pgrepo)),
            before.map_or("-".to_owned(), |before| percent(count.pgrepo, before.pgrepo)),
        );
        text += &format!("{:>8.1} {:>8}  {name}\n", count.pgrepo, shown(count.hand));
        failures.extend(judge(name, count, before));
    }
    if update {
        return Ok(std::fs::write(FILE, text)?);
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\nif that is meant, commit the new numbers: {UPDATE}", failures.join("\n")).into()),
    }
}

/// Says what is wrong with a count.
fn judge(name: &str, now: Count, before: Option<&Count>) -> Option<String> {
    let Some(before) = before else { return Some(format!("{name}: no number is committed")) };
    if (now.pgrepo / before.pgrepo - 1.0).abs() <= BAND {
        return None;
    }
    let word = if now.pgrepo > before.pgrepo { "worse" } else { "better" };
    let hand = match (now.hand, before.hand) {
        (Some(now), Some(before)) => format!("; the hand-written code changed by {}", percent(now, before)),
        _ => String::new(),
    };
    let change = percent(now.pgrepo, before.pgrepo);
    Some(format!(
        "{name}: {:.1} instructions a row, {:.1} committed: {change}, {word}{hand}",
        now.pgrepo, before.pgrepo
    ))
}

fn percent(now: f64, before: f64) -> String {
    format!("{:+.1} %", (now / before - 1.0) * 100.0)
}

fn shown(count: Option<f64>) -> String {
    count.map_or("-".to_owned(), |count| format!("{count:.1}"))
}

/// The committed numbers.
fn read(text: &str) -> Result<BTreeMap<&str, Count>> {
    let line = |line| {
        let (pgrepo, rest) = str::trim_start(line).split_once(' ')?;
        let (hand, name) = rest.trim_start().split_once(' ')?;
        let hand = if hand == "-" { None } else { Some(hand.parse().ok()?) };
        Some((name.trim(), Count { pgrepo: pgrepo.parse().ok()?, hand }))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.map(line).collect::<Option<_>>().ok_or_else(|| format!("{FILE} is not as {UPDATE} writes it"))?)
}

/// Instructions a row: the difference between two runs of this program in callgrind.
fn instructions(valgrind: &Path, name: &str, of: &str) -> Result<f64> {
    let mut counts = [0.0; 2];
    for (turns, count) in TURNS.iter().zip(&mut counts) {
        let args = ["--turns", name, of, &turns.to_string()];
        *count = counted::instructions(valgrind, &std::env::current_exe()?, &args)
            .map_err(|error| format!("{name}: {error}"))?;
    }
    Ok((counts[1] - counts[0]) / f64::from((TURNS[1] - TURNS[0]) * ROWS))
}
