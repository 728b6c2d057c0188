use std::collections::BTreeMap;

use futures_util::FutureExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::copy::SourceError;
use crate::error::{Error, ErrorKind};
use crate::lines::tests::{Endless, Pieces, Stammering};

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Line {
    id: i64,
    name: String,
    #[serde(rename = "rank in town")]
    rank: Option<i32>,
}

fn line(id: i64, name: &str, rank: Option<i32>) -> Result<Line, String> {
    Ok(Line { id, name: name.to_owned(), rank })
}

/// What an error says of a record, or of all of them.
fn told(error: &SourceError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let end = if error.row().is_some() { "" } else { "the end: " };
    format!("{end}{error}{cause}")
}

fn read_all<T: DeserializeOwned>(text: &[u8], options: &CsvOptions, size: usize) -> Vec<Result<T, String>> {
    let mut rows = options.clone().read::<T, _>(Pieces { bytes: text, size, fails: false });
    let mut all = Vec::new();
    loop {
        match rows.next().now_or_never() {
            // The reader gives way after many pieces.
            None => {}
            Some(Ok(None)) => return all,
            Some(row) => all.push(row.map(Option::unwrap).map_err(|e| told(&e))),
        }
    }
}

/// The rows, which are the same in whatever pieces the text comes.
fn rows<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &[u8], options: CsvOptions) -> Vec<Result<T, String>> {
    let all = read_all(text, &options, 1 << 20);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read_all::<T>(text, &options, size), all, "in pieces of {size}");
    }
    all
}

fn of(text: &str) -> Vec<Result<Line, String>> {
    rows(text.as_bytes(), CsvOptions::default())
}

#[test]
fn columns_are_found_by_their_names_in_any_order() {
    let expected = [line(1, "a", Some(5)), line(2, "b", None)];
    assert_eq!(of("id,name,rank in town\n1,a,5\n2,b,\n"), expected);
    assert_eq!(of("rank in town,id,name\n5,1,a\n,2,b\n"), expected);
    let semicolons = CsvOptions::default().delimiter(b';').trim();
    assert_eq!(rows(b" name ; id;rank in town\n a ; 1 ; 5 \n\"b \";2; ", semicolons), expected);
}

#[test]
fn lines_end_in_each_way_and_fields_may_hold_ends_of_lines() {
    let expected = [line(1, "a\nb", Some(5)), line(2, "say \"hi\", you", None)];
    for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            for last in ["", end, "\n\n"] {
                let lines =
                    ["id,name,rank in town", "1,\"a\nb\",5", "2,\"say \"\"hi\"\", you\","].join(&format!("{end}{end}"));
                assert_eq!(of(&format!("{mark}{lines}{last}")), expected, "{end:?} {mark:?} {last:?}");
            }
        }
    }
}

#[test]
fn a_blank_line_is_the_value_of_a_single_column() {
    let some = |text: &str| Ok((Some(text.to_owned()),));
    for end in ["\n", "\r\n", "\r"] {
        let text = ["c", "a", "", "", "b", ""].join(end);
        let read = rows::<(Option<String>,)>(text.as_bytes(), CsvOptions::default());
        assert_eq!(read, [some("a"), Ok((None,)), Ok((None,)), some("b")], "{end:?}");
    }
}

#[test]
fn each_bad_record_is_told_by_its_line_and_the_next_is_read() {
    let text = "\u{feff}id,name,rank in town\r\n\
                1,a,5\r\n\
                x,a,5\r\n\
                \r\n\
                2,\"two\r\nlines\",9999999999\r\n\
                3,c\r\n\
                4,d,1,2\r\n\
                ,e,1\r\n\
                5,\"f,1\r\n6,\"\"g\",1\r\n\
                7,h,";
    let nothing = "the value is NULL and the type is not an Option";
    let bad = |text: String| Err::<Line, _>(text);
    assert_eq!(
        of(text),
        [
            line(1, "a", Some(5)),
            bad("line 3, field `id`: the value cannot be read: the text is no i64: invalid digit found in string".into()),
            bad("line 5, field `rank in town`: the value cannot be read: the text is no i32: number too large to fit in \
                 target type"
                .into()),
            bad("line 7: the record has 2 fields and the header 3".into()),
            bad("line 8: the record has 4 fields and the header 3".into()),
            bad(format!("line 9, field `id`: the value cannot be read: {nothing}")),
            line(5, "f,1\r\n6,\"g", Some(1)),
            line(7, "h", None),
        ]
    );
    let lost = of("id,name,rank in town\n1,\"a,5\n2,b,5\n\"3\",c,5\n4,d,5\n");
    assert_eq!(
        lost,
        [
            bad("line 2: the record has 4 fields and the header 3; it reaches to line 4, so a quotation mark may be missing"
                .into()),
            line(4, "d", Some(5))
        ]
    );
}

#[test]
fn the_record_s_text_is_kept_for_who_repairs_it() {
    let mut rows = read::<Line, _>(&b"id,name,rank in town\nx,\"a \"\"b\"\", c\",\xff\n"[..]);
    let error = rows.next().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.row().unwrap().text(), Some("x,\"a \"\"b\"\", c\",\u{fffd}"));
}

#[test]
fn what_is_not_utf_8_is_told_by_its_field() {
    let options = CsvOptions::default;
    let read = rows::<Line>(b"id,name,rank in town\n1,\xff,5\n2,\xc3,\n3,c,\n", options());
    let bad = |line| Err(format!("line {line}, field `name`: the value cannot be read: the text is not UTF-8"));
    assert_eq!(read, [bad(2), bad(3), line(3, "c", None)]);
    // Half a character in one field and half in the next are none.
    assert_eq!(rows::<(String, String)>(b"a,b\n\xc3,\xa9\n", options()).len(), 1);
    assert!(rows::<(String, String)>(b"a,b\n\xc3,\xa9\n", options())[0].is_err());
    let header = rows::<Line>(b"id,n\xffme,rank in town\n1,a,5\n", options());
    assert_eq!(header, [Err("the end: csv: the header cannot be read: the text is not UTF-8".to_owned())]);
}

#[test]
fn a_header_that_does_not_fit_ends_the_rows_before_the_first() {
    let told = |text: &str, options: CsvOptions| {
        let all = rows::<Line>(text.as_bytes(), options);
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap().unwrap_err()
    };
    let default = CsvOptions::default;
    assert_eq!(
        told("id,nmae,rank in town,x y\nx\n", default()),
        "the end: csv: the header names columns that are not read: \"nmae\", \"x y\"; the fields are \"id\", \"name\", \
         \"rank in town\", and CsvOptions::ignore_unknown leaves out the others"
    );
    assert_eq!(
        told("name\nx\n", default()),
        "the end: csv: the header lacks columns that are read: \"id\", \"rank in town\"; it names \"name\", and \
         CsvOptions::allow_missing gives the others their defaults"
    );
    assert_eq!(
        told("id,name,id\n1,a,2\n", default()),
        "the end: csv, column \"id\": the header names the column twice"
    );
    let both = default().ignore_unknown().allow_missing();
    assert!(told("id,name,id\n1,a,2\n", both.clone()).contains("twice"));
    assert_eq!(told("", both.clone()), "the end: csv: the data is empty where a header should be");
    assert_eq!(
        told("name,x\na,1\n", both.clone()),
        "the end: csv, field `id`: the header lacks the field's column, and the field has no default"
    );
    assert_eq!(rows(b"x,id,name\n?,1,a\n", both), [line(1, "a", None)]);
    assert!(rows::<(i32, i32)>(b"a,b,c\n1,2,3\n", default())[0].as_ref().unwrap_err().contains("3 columns where 2"));
}

#[test]
fn without_a_header_values_are_taken_by_their_places() {
    let options = || CsvOptions::default().without_header();
    assert_eq!(rows(b"1,a,5\n2,b,\n", options()), [line(1, "a", Some(5)), line(2, "b", None)]);
    assert_eq!(rows(b"1,a\n", options()), [Ok((1, "a".to_owned()))]);
    let bad = rows::<Line>(b"1,a,x\n1,a\n1,a,5,6\n2,b,", options());
    let told: Vec<_> =
        bad.iter().map(|row| row.as_ref().err().map_or("", |told| told.split(": ").next().unwrap())).collect();
    assert_eq!(told, ["line 1, field `rank in town`", "line 2", "line 3", ""], "{bad:?}");
    assert!(
        rows::<BTreeMap<String, String>>(b"1,a\n", options())[0].as_ref().unwrap_err().contains("names of a header")
    );
}

#[test]
fn a_map_takes_all_columns_as_text() {
    let read = rows::<BTreeMap<String, Option<String>>>(b"a,b\n01,\n", CsvOptions::default());
    let expected = [("a".to_owned(), Some("01".to_owned())), ("b".to_owned(), None)];
    assert_eq!(read, [Ok(BTreeMap::from(expected))]);
}

#[test]
fn quotation_marks_that_are_not_closed_end_the_rows() {
    let read = of("id,name,rank in town\n1,a,5\n\n2,\"b,5\n3,c,5\n");
    let end = "the end: csv: the record that begins on line 4 ends with the data, inside of a quoted field; a quotation \
               mark may be missing";
    assert_eq!(read, [line(1, "a", Some(5)), Err(end.to_owned())]);
    assert_eq!(of("id,name,rank in town\n1,\"a\",5")[0], line(1, "a", Some(5)), "closed by the end's last mark");
}

#[test]
fn a_record_that_is_too_long_ends_the_rows() {
    let (long, options) = ("x".repeat(3000), || CsvOptions::default().max_record(2000));
    let end = |of: &str| {
        Err(format!(
            "the end: csv: the record that begins on line 3 has more than the {of} that one may \
                                      have; a quotation mark may be missing"
        ))
    };
    for record in [format!("1,{long},5"), format!("1,\"{long}\",5"), format!("1,\"a,5{}", "\n2,b,5".repeat(400))] {
        let text = format!("id,name,rank in town\n1,a,5\n{record}\n2,b,5\n");
        assert_eq!(rows(text.as_bytes(), options()), [line(1, "a", Some(5)), end("2000 bytes")]);
    }
    let commas = format!("id,name,rank in town\n1,a,5\n{}\n2,b,5\n", ",".repeat(20_000));
    assert_eq!(of(&commas), [line(1, "a", Some(5)), end("16384 fields")]);
    let exact = format!("id,name,rank in town\n1,{},5\n2,b,", "x".repeat(1998));
    assert_eq!(rows::<Line>(exact.as_bytes(), options()).iter().filter(|row| row.is_ok()).count(), 2);
}

#[test]
fn a_line_without_end_ends_the_rows_within_bounds() {
    let mut rows = CsvOptions::default().max_record(1_000_000).without_header().read::<(String,), _>(Endless);
    let error = rows.next().now_or_never().unwrap().unwrap_err();
    assert!(error.row().is_none() && error.to_string().contains("line 1"), "{error}");
    assert!(rows.records.room() <= 1_000_001);
    assert_eq!(rows.next().now_or_never().unwrap().unwrap(), None);
}

#[test]
fn the_reader_s_error_is_no_bad_record_and_ends_the_rows() {
    for text in [&b""[..], b"id,name", b"id,name,rank in town\n1,a,5\n2,b", b"id,name,rank in town\n1,a,5\n"] {
        let mut rows = read::<Line, _>(Pieces { bytes: text, size: 5, fails: true });
        let mut count = 0;
        let error = loop {
            match rows.next().now_or_never().unwrap() {
                Ok(row) => count += usize::from(row.is_some()),
                Err(error) => break error,
            }
        };
        assert_eq!(count, usize::from(text.len() > 10));
        assert!(error.row().is_none());
        let ours = error.cause().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(ours.kind(), ErrorKind::Io);
        assert!(std::error::Error::source(ours).unwrap().is::<std::io::Error>());
        assert_eq!(rows.next().now_or_never().unwrap().unwrap(), None, "told once");
    }
}

#[test]
fn nothing_is_lost_when_a_call_is_dropped() {
    let text = "id,name,rank in town\r\n1,\"a\r\nb\",5\r\n\r\nx,c,\r\n2,d,";
    let mut rows = read::<Line, _>(Stammering::new(text.as_bytes()));
    let (mut all, mut dropped) = (Vec::new(), 0);
    loop {
        match rows.next().now_or_never() {
            None => dropped += 1,
            Some(Ok(None)) => break,
            Some(row) => all.push(row.map(Option::unwrap).map_err(|e| told(&e))),
        }
    }
    assert!(dropped > 40, "{dropped}");
    assert_eq!(all, of(text));
}

#[test]
fn spoilt_records_among_ten_thousand_are_those_that_were_spoilt() {
    let mut seed = 0x5eed_u64;
    let mut next = move |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    let (mut text, mut expected) = (b"id,name,rank in town\n".to_vec(), Vec::new());
    let mut at = 2;
    for id in 0..10_000_i64 {
        let end: &[u8] = if next(2) == 0 { b"\n" } else { b"\r\n" };
        let name = ["plain", "with, comma", "two\nlines", "a \"mark\"", "é€🦀", ""][next(6)];
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let ending = at + u64::try_from(name.matches('\n').count()).unwrap();
        let spoilt: Option<Vec<u8>> = match next(50) {
            0 => Some(format!("{id},{quoted}").into_bytes()),
            1 => Some(format!("{id},{quoted},1,2").into_bytes()),
            2 => Some(format!("{id}x,{quoted},1").into_bytes()),
            3 => Some(format!(",{quoted},1").into_bytes()),
            4 => Some(format!("{id},{quoted},one").into_bytes()),
            5 => Some([format!("{id},").as_bytes(), b"\xf0\x9f,1"].concat()),
            _ => None,
        };
        match spoilt {
            Some(bytes) => {
                let lines = u64::try_from(bytes.iter().filter(|b| **b == b'\n').count()).unwrap();
                text.extend(bytes);
                expected.push(Err(at));
                at += lines + 1;
            }
            None => {
                text.extend(format!("{id},{quoted},{}", id % 7).into_bytes());
                expected.push(Ok(Line { id, name: name.to_owned(), rank: Some(i32::try_from(id % 7).unwrap()) }));
                at = ending + 1;
            }
        }
        text.extend(end);
        if next(20) == 0 {
            text.extend(end);
            at += 1;
        }
    }
    let spoilt = expected.iter().filter(|row| row.is_err()).count();
    assert!(spoilt > 1000, "{spoilt}");
    for size in [1000, 1 << 20] {
        let mut rows = read::<Line, _>(Pieces { bytes: &text, size, fails: false });
        let mut found = Vec::new();
        loop {
            match rows.next().now_or_never() {
                None => {}
                Some(Ok(None)) => break,
                Some(row) => found.push(row.map(Option::unwrap).map_err(|e| e.row().unwrap().line().unwrap())),
            }
        }
        assert!(found == expected, "{:?}", found.iter().zip(&expected).find(|(a, b)| a != b));
    }
}

#[test]
fn a_field_s_other_names_count_as_fields_whose_columns_are_lacking() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Aliased {
        #[serde(alias = "number")]
        id: i32,
        #[serde(alias = "label")]
        name: Option<String>,
    }
    let default = rows::<Aliased>(b"number,name\n1,a\n", CsvOptions::default());
    assert!(default[0].as_ref().unwrap_err().contains("lacks columns that are read: \"id\", \"label\""), "{default:?}");
    let some = CsvOptions::default().allow_missing();
    let one = |name: Option<&str>| Ok(Aliased { id: 1, name: name.map(str::to_owned) });
    assert_eq!(rows(b"number,label\n1,a\n", some.clone()), [one(Some("a"))]);
    assert_eq!(rows(b"id\n1\n", some.clone()), [one(None)]);
    let none = rows::<Aliased>(b"label\na\n", some);
    assert_eq!(
        none,
        [Err("the end: csv, field `id`: the header lacks the field's column, and the field has no default".into())]
    );
}

#[test]
fn a_delimiter_that_is_none_is_refused_before_anything_is_read() {
    for delimiter in [b'"', b'\n', b'\r', b'\0', 0xe9] {
        for options in [CsvOptions::default(), CsvOptions::default().without_header()] {
            let mut rows = options.delimiter(delimiter).read::<Line, _>(&b"id,name\n1,a\n"[..]);
            let error = rows.next().now_or_never().unwrap().unwrap_err();
            assert!(told(&error).starts_with("the end: csv: the delimiter is none"), "{}", told(&error));
            assert_eq!(Error::from(error).kind(), ErrorKind::Config);
            assert_eq!(rows.next().now_or_never().unwrap().unwrap(), None);
        }
    }
}
