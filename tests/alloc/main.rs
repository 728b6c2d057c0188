//! What the codec allocates: nothing for a row that is written or borrowed, and for hostile bytes no more than their
//! length justifies. A program of its own, with one thread, because it counts every allocation.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use std::alloc::System;
use std::hint::black_box;

use pgrepo::copy::frame::{decode_row, encode_row};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::hostile::{Random, subjects};
use tests::rows::{NarrowRef, WideRef, narrow, narrow_types, wide, wide_types};

#[global_allocator]
static COUNTER: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const INPUTS: usize = 200_000;
/// A list of small JSON objects costs the most for each byte: a node of a tree for every eight.
const PER_BYTE: usize = 128;
/// An error has its text.
const AT_LEAST: usize = 1_024;

fn main() {
    encoding();
    borrowing();
    hostile();
}

fn allocations(work: impl FnOnce()) -> usize {
    let region = Region::new(COUNTER);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn encoding() {
    let (wides, wide_types): (Vec<_>, _) = ((0..1_000).map(wide).collect(), wide_types());
    let (narrows, narrow_types): (Vec<_>, _) = ((0..1_000).map(narrow).collect(), narrow_types());
    let mut out = Vec::with_capacity(1 << 20);
    let count = allocations(|| {
        for row in &wides {
            encode_row(row, &wide_types, &mut out).unwrap();
        }
        black_box(&out);
        out.clear();
        for row in &narrows {
            encode_row(row, &narrow_types, &mut out).unwrap();
        }
    });
    println!("encoding 1,000 wide and 1,000 narrow rows: {count} allocations");
    assert_eq!(count, 0);
}

fn borrowing() {
    let (wide_types, narrow_types) = (wide_types(), narrow_types());
    let (mut wides, mut narrows) = (Vec::new(), Vec::new());
    encode_row(&wide(7), &wide_types, &mut wides).unwrap();
    encode_row(&narrow(7), &narrow_types, &mut narrows).unwrap();
    let count = allocations(|| {
        for _ in 0..1_000 {
            let row = decode_row::<WideRef<'_>>(&wides[2..], &wide_types).unwrap();
            assert_eq!(row.tags.iter().filter(Result::is_ok).count(), 3);
            black_box(row);
            black_box(decode_row::<NarrowRef<'_>>(&narrows[2..], &narrow_types).unwrap());
        }
    });
    println!("reading 1,000 borrowed rows of each kind: {count} allocations");
    assert_eq!(count, 0);
}

fn hostile() {
    let subjects = subjects();
    let mut random = Random::new(0x0070_6772_6570_6f00);
    let mut most = (0.0, String::new());
    let mut taken = 0;
    for n in 0..INPUTS {
        let subject = &subjects[n % subjects.len()];
        let mut bytes = subject.seed.clone();
        if n >= subjects.len() {
            random.spoil(&mut bytes);
        }
        let region = Region::new(COUNTER);
        let read = subject.read(&bytes);
        let allocated = region.change().bytes_allocated;
        assert!(read || n >= subjects.len(), "{} does not read its own seed", subject.name);
        taken += usize::from(read);
        let ratio = allocated.saturating_sub(AT_LEAST) as f64 / bytes.len().max(1) as f64;
        if ratio > most.0 {
            most = (ratio, subject.name.clone());
        }
        assert!(
            allocated <= AT_LEAST + PER_BYTE * bytes.len(),
            "{} allocated {allocated} bytes for {}: {bytes:?}",
            subject.name,
            bytes.len()
        );
    }
    let (ratio, name) = most;
    println!("{INPUTS} inputs, {taken} of them values; at most {ratio:.0} bytes allocated for each byte, by {name}");
    assert!(taken > INPUTS / 20 && taken < INPUTS * 19 / 20);
}
