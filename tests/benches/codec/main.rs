//! What it costs to encode and to decode one row, without a server: `cargo bench -p tests --bench codec`.
//!
//! Each round measures every subject in turn, so that drift meets all of them; what counts is the ratio to the
//! hand-written code of the same round. With valgrind installed, instructions are counted as well: they do not drift.
//! The last lines are JSON, one object a line.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use pgrepo::TypeInfo;
use pgrepo::copy::frame::{decode_row, encode_row};
use tests::by_hand;
use tests::rows::{Narrow, NarrowRef, Wide, WideRef, narrow, narrow_types, wide, wide_types};

mod by_driver;

const ROWS: u32 = 256;
const ROUNDS: usize = 101;
/// Rows of a measurement: of a round, and for the counting of instructions.
const PER_ROUND: u32 = ROWS * 20;
const COUNTED: [u32; 2] = [ROWS * 4, ROWS * 24];

/// A subject does its work on so many rows.
type Run = Box<dyn FnMut(u32)>;

struct Workload {
    name: &'static str,
    /// The first is the one the others are compared with.
    subjects: Vec<(&'static str, Run)>,
}

/// Encodes rows into a buffer that is emptied when it holds a chunk's worth.
fn encoding<R: 'static>(rows: Vec<R>, mut encode: impl FnMut(&R, &mut Vec<u8>) + 'static) -> Run {
    let mut out = Vec::with_capacity(1 << 17);
    Box::new(move |count| {
        for _ in 0..count / ROWS {
            for row in &rows {
                encode(black_box(row), &mut out);
            }
            if black_box(&out).len() > 1 << 16 {
                out.clear();
            }
        }
        out.clear();
    })
}

/// Decodes tuples, without their field counts, from one buffer.
fn decoding<R: 'static>(rows: &[Vec<u8>], mut decode: impl FnMut(&[u8]) -> R + 'static) -> Run {
    let rows = rows.to_vec();
    Box::new(move |count| {
        for _ in 0..count / ROWS {
            for row in &rows {
                black_box(decode(black_box(&row[2..])));
            }
        }
    })
}

fn workloads() -> Vec<Workload> {
    let wides: Vec<Wide> = (0..ROWS).map(wide).collect();
    let narrows: Vec<Narrow> = (0..ROWS).map(narrow).collect();
    let wide_tuples = tuples(&wides, &wide_types());
    let narrow_tuples = tuples(&narrows, &narrow_types());
    vec![
        Workload {
            name: "encode wide",
            subjects: vec![
                ("hand", encoding(wides.clone(), by_hand::encode_wide)),
                ("pgrepo", {
                    let types = wide_types();
                    encoding(wides.clone(), move |row, out| encode_row(row, &types, out).unwrap())
                }),
                ("sqlx", by_driver::encoding_wide(wides.clone(), ROWS)),
            ],
        },
        Workload {
            name: "encode narrow",
            subjects: vec![
                ("hand", encoding(narrows.clone(), by_hand::encode_narrow)),
                ("pgrepo", {
                    let types = narrow_types();
                    encoding(narrows.clone(), move |row, out| encode_row(row, &types, out).unwrap())
                }),
                ("sqlx", by_driver::encoding_narrow(narrows.clone(), ROWS)),
            ],
        },
        Workload {
            name: "decode wide",
            subjects: vec![
                ("hand", decoding(&wide_tuples, |tuple| by_hand::decode_wide(tuple).unwrap())),
                ("pgrepo", {
                    let types = wide_types();
                    decoding(&wide_tuples, move |tuple| decode_row::<Wide>(tuple, &types).unwrap())
                }),
            ],
        },
        Workload {
            name: "decode wide borrowed",
            subjects: vec![
                ("hand", decoding(&wide_tuples, |tuple| consume(&by_hand::decode_wide_ref(tuple).unwrap()))),
                ("pgrepo", {
                    let types = wide_types();
                    decoding(&wide_tuples, move |tuple| consume(&decode_row::<WideRef<'_>>(tuple, &types).unwrap()))
                }),
            ],
        },
        Workload {
            name: "decode narrow borrowed",
            subjects: vec![
                ("hand", decoding(&narrow_tuples, |tuple| consume(&by_hand::decode_narrow_ref(tuple).unwrap()))),
                ("pgrepo", {
                    let types = narrow_types();
                    decoding(&narrow_tuples, move |tuple| {
                        consume(&decode_row::<NarrowRef<'_>>(tuple, &types).unwrap());
                    })
                }),
            ],
        },
    ]
}

/// A borrowed row is looked at before its buffer goes.
fn consume<R>(row: &R) {
    black_box(row);
}

fn tuples<R: pgrepo::WriteFields>(rows: &[R], types: &[TypeInfo]) -> Vec<Vec<u8>> {
    rows.iter()
        .map(|row| {
            let mut out = Vec::new();
            encode_row(row, types, &mut out).unwrap();
            out
        })
        .collect()
}

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
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|a| a == "--run") {
        let [workload, subject, rows] = &args[at + 1..] else { panic!("--run workload subject rows") };
        let mut workloads = workloads();
        let found = workloads.iter_mut().find(|w| w.name == workload).unwrap();
        let (_, run) = found.subjects.iter_mut().find(|(name, _)| name == subject).unwrap();
        run(rows.parse().unwrap());
        return;
    }
    check();
    let counting = !args.iter().any(|a| a == "--no-count");
    for workload in workloads() {
        report(workload, counting);
    }
}

fn report(mut workload: Workload, counting: bool) {
    let mut times = vec![Vec::new(); workload.subjects.len()];
    for round in 0..=ROUNDS {
        for ((_, run), times) in workload.subjects.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run(PER_ROUND);
            let ns = start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND);
            // The first round warms up.
            if round > 0 {
                times.push(ns);
            }
        }
    }
    let base = times[0].clone();
    let mut base_count = None;
    println!("\n{:<24} {:>24} {:>24} {:>14}", workload.name, "ns a row (min–max)", "× hand (min–max)", "instructions");
    for ((subject, _), times) in workload.subjects.iter().zip(times) {
        let ratios = times.iter().zip(&base).map(|(t, b)| t / b).collect();
        let (ns, ratio) = (Spread::of(times), Spread::of(ratios));
        let count = counting.then(|| instructions(workload.name, subject)).flatten();
        base_count = base_count.or(count);
        let counted = count.zip(base_count).map_or(String::new(), |(n, b)| format!("{n:.0} × {:.3}", n / b));
        println!(
            "  {subject:<22} {:>24} {:>24} {counted:>14}",
            format!("{:.1} ({:.1}–{:.1})", ns.median, ns.min, ns.max),
            format!("{:.3} ({:.3}–{:.3})", ratio.median, ratio.min, ratio.max),
        );
        for (metric, Spread { median, min, max }) in [("ns/row", ns), ("ratio to hand", ratio)] {
            println!(
                "{{\"workload\": \"{}\", \"subject\": \"{subject}\", \"metric\": \"{metric}\", \"median\": {median:.4}, \
                 \"min\": {min:.4}, \"max\": {max:.4}, \"rounds\": {ROUNDS}}}",
                workload.name
            );
        }
        if let Some(n) = count {
            println!(
                "{{\"workload\": \"{}\", \"subject\": \"{subject}\", \"metric\": \"instructions/row\", \
                 \"median\": {n:.1}, \"min\": {n:.1}, \"max\": {n:.1}, \"rounds\": 1}}",
                workload.name
            );
        }
    }
}

#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
    }
}

/// Instructions a row: the difference between two runs of this program in callgrind; `None` without valgrind.
fn instructions(workload: &str, subject: &str) -> Option<f64> {
    let [few, many] = COUNTED.map(|rows| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args(["--run", workload, subject, &rows.to_string()])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    });
    Some((many? - few?) / f64::from(COUNTED[1] - COUNTED[0]))
}
