use futures_util::FutureExt;
use serde::Deserialize;

use crate::lines::tests::{Endless, Pieces, Stammering};

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: i64,
    name: Option<String>,
    #[serde(default)]
    tags: Vec<u8>,
}

fn line(id: i64, name: Option<&str>) -> Result<Line, String> {
    Ok(Line { id, name: name.map(str::to_owned), tags: Vec::new() })
}

fn told(error: &SourceError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let end = if error.row().is_some() { "" } else { "the end: " };
    format!("{end}{error}{cause}")
}

/// All rows, by a reader that may wait.
fn drain<R: AsyncRead>(mut rows: NdjsonRows<R, Line>) -> (Vec<Result<Line, String>>, usize) {
    let (mut all, mut waited) = (Vec::new(), 0);
    loop {
        match rows.next().now_or_never() {
            None => waited += 1,
            Some(Ok(None)) => return (all, waited),
            Some(row) => all.push(row.map(Option::unwrap).map_err(|e| told(&e))),
        }
    }
}

/// The rows, which are the same in whatever pieces the text comes.
fn rows(text: &[u8], options: &NdjsonOptions) -> Vec<Result<Line, String>> {
    let read = |size| drain(options.clone().read(Pieces { bytes: text, size, fails: false })).0;
    let all = read(1 << 20);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read(size), all, "in pieces of {size}");
    }
    all
}

fn of(text: &str) -> Vec<Result<Line, String>> {
    rows(text.as_bytes(), &NdjsonOptions::default())
}

#[test]
fn lines_end_in_each_way_and_blank_ones_hold_no_row() {
    for end in ["\n", "\r\n"] {
        for mark in ["", "\u{feff}"] {
            for last in ["", end] {
                let lines = [r#"{"id":1}"#, "", " \t", r#" {"id": 2, "name": "a\nb"} "#].join(end);
                let read = of(&format!("{mark}{lines}{last}"));
                assert_eq!(read, [line(1, None), line(2, Some("a\nb"))], "{end:?} {mark:?} {last:?}");
            }
        }
    }
    assert_eq!(of(""), []);
    assert_eq!(of("\u{feff}\n\n"), []);
}

#[test]
fn each_bad_line_is_told_by_its_line_and_place_and_the_next_is_read() {
    let text = "{\"id\":1}\r\n\
                {\"id\":\"x\"}\r\n\
                \r\n\
                {\"id\":2,\"name\":\r\n\
                {\"name\":\"a\"}\n\
                {\"id\":3,\"tags\":[1,2,300]}\n\
                {\"id\":4,\"x\":1}\n\
                {\"id\":5} {\"id\":6}\n\
                {\"id\":7,\"id\":8}\n\
                [1\n\
                nonsense\n\
                null\n\
                {\"id\":9}";
    let mut read = of(text).into_iter();
    assert_eq!(read.next().unwrap(), line(1, None));
    assert_eq!(read.next_back().unwrap(), line(9, None));
    let mut bad = |expected: &str| assert_eq!(read.next().unwrap(), Err(expected.to_owned()));
    bad(
        "line 2, field `id`: the line does not fit the row's type, at byte 9: invalid type: string \"x\", expected i64",
    );
    bad("line 4: the line is no JSON, at byte 16: EOF while parsing a value");
    bad("line 5: the line does not fit the row's type, at byte 12: missing field `id`");
    bad(
        "line 6, field `tags[2]`: the line does not fit the row's type, at byte 23: invalid value: integer `300`, expected u8",
    );
    bad(
        "line 7, field `x`: the line does not fit the row's type, at byte 11: unknown field `x`, expected one of `id`, `name`, `tags`",
    );
    bad("line 8: the line is no JSON, at byte 10: trailing characters");
    bad("line 9: the line does not fit the row's type, at byte 12: duplicate field `id`");
    bad("line 10: the line is no JSON, at byte 2: EOF while parsing a list");
    bad("line 11: the line is no JSON, at byte 2: expected ident");
    bad("line 12: the line does not fit the row's type, at byte 4: invalid type: null, expected struct Line");
}

#[test]
fn what_is_not_utf_8_is_told_by_its_line() {
    let read = rows(b"{\"id\":1}\n{\"id\":2,\"name\":\"\xff\"}\n{\"id\":3}\n", &NdjsonOptions::default());
    let bad = Err("line 2: the line is not UTF-8, at byte 17".to_owned());
    assert_eq!(read, [line(1, None), bad, line(3, None)]);
}

#[test]
fn the_line_s_text_is_kept_for_who_repairs_it() {
    let mut rows = read::<Line, _>(&b" {\"id\":1.5}\r\n"[..]);
    let error = rows.next().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.row().unwrap().text(), Some("{\"id\":1.5}"));
}

#[test]
fn a_line_that_is_too_long_is_left_out_as_far_as_its_end() {
    let long = "x".repeat(3000);
    let options = NdjsonOptions::default().max_line(2000);
    for end in ["\n", ""] {
        let text = format!("{{\"id\":1}}\n{{\"name\":\"{long}\"}}\n\n{{\"id\":2}}\n{long}{end}");
        let too_long = |line| Err(format!("line {line}: the line has more than the 2000 bytes that one may have"));
        assert_eq!(rows(text.as_bytes(), &options), [line(1, None), too_long(2), line(2, None), too_long(5)]);
    }
    let exact = format!("{{\"id\":1{}}}", " ".repeat(2000 - 8));
    assert_eq!(rows(format!("{exact}\n{exact} \n").as_bytes(), &options).len(), 2);
    assert_eq!(rows(exact.as_bytes(), &options), [line(1, None)]);
}

#[test]
fn a_line_without_end_is_told_once_and_does_not_keep_the_thread() {
    let mut rows = NdjsonOptions::default().max_line(100_000).read::<Line, _>(Endless);
    let error = rows.next().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.row().unwrap().line(), Some(1));
    assert!(rows.next().now_or_never().is_none());
    assert!(rows.line.capacity() <= 200_000);
}

#[test]
fn the_reader_s_error_is_no_bad_line_and_ends_the_rows() {
    let (read, _) = drain(read(Pieces { bytes: b"{\"id\":1}\n{\"id\":", size: 5, fails: true }));
    let end = "the end: ndjson: the reader failed, so what follows is unknown: the disk is gone";
    assert_eq!(read, [line(1, None), Err(end.to_owned())]);
}

#[test]
fn nothing_is_lost_when_a_call_is_dropped() {
    let text = "{\"id\":1}\r\n\r\n{\"id\":\n{\"id\":2}";
    let (read, dropped) = drain(read(Stammering::new(text.as_bytes())));
    assert!(dropped > 20, "{dropped}");
    assert_eq!(read, of(text));
}

#[test]
fn spoilt_lines_among_ten_thousand_are_those_that_were_spoilt() {
    let (mut text, mut expected, mut at, mut seed) = (Vec::new(), Vec::new(), 1_u64, 7_u64);
    for id in 0..10_000_i64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = (seed >> 33) % 40;
        let bad: Option<&[u8]> = match choice {
            0 => Some(b"{\"id\":\"1\"}"),
            1 => Some(b"{\"id\":1"),
            2 => Some(b"{}"),
            3 => Some(b"{\"id\":1,\"name\":\"\xe2\x82\"}"),
            4 => Some(b"{\"id\":1}}"),
            _ => None,
        };
        match bad {
            Some(bytes) => {
                text.extend(bytes);
                expected.push(Err(at));
            }
            None => {
                text.extend(format!("{{\"id\":{id}}}").into_bytes());
                expected.push(Ok(id));
            }
        }
        let ends: &[u8] = [&b"\n"[..], b"\r\n", b"\n\n"][usize::try_from(choice % 3).unwrap()];
        text.extend(ends);
        at += 1 + u64::from(choice % 3 == 2);
    }
    for size in [1000, 1 << 20] {
        let mut rows = read::<Line, _>(Pieces { bytes: &text, size, fails: false });
        let mut found = Vec::new();
        loop {
            match rows.next().now_or_never() {
                None => {}
                Some(Ok(None)) => break,
                Some(row) => found.push(row.map(|row| row.unwrap().id).map_err(|e| e.row().unwrap().line().unwrap())),
            }
        }
        assert!(found == expected, "{:?}", found.iter().zip(&expected).find(|(a, b)| a != b));
    }
}
