use futures_util::{FutureExt, StreamExt, stream};

use super::frame::{HEADER, TRAILER};
use super::*;

#[derive(Debug, crate::PgTable)]
#[pg(crate = "crate", table = "numbers")]
struct Number {
    value: i32,
}

const SEVEN: &[u8] = &[0, 1, 0, 0, 0, 4, 0, 0, 0, 7];

/// A stream that a server sends these pieces to.
fn sent(pieces: Vec<Vec<Bytes>>) -> CopyOutStream<'static, Number> {
    let types = vec![TypeInfo::builtin(crate::PgType::INT4)];
    let begun = Begun { pieces: stream::iter(pieces).map(Ok).boxed(), first: Vec::new(), types };
    CopyOutStream::new(begun, Some(Place::of::<Number>(None)))
}

fn next(stream: &mut CopyOutStream<'_, Number>) -> Result<Option<i32>> {
    let row = CopyOutStream::next(stream).now_or_never().unwrap();
    row.map(|row| row.map(|row| row.value))
}

/// The last row, then what comes behind it, told once.
fn behind_the_row(pieces: &[&[u8]]) -> Result<()> {
    let pieces = pieces.iter().copied().map(Bytes::copy_from_slice).collect();
    let mut stream = sent(vec![pieces]);
    assert_eq!(next(&mut stream).unwrap(), Some(7));
    let end = next(&mut stream);
    assert_eq!(next(&mut stream).unwrap(), None);
    end.map(|row| assert_eq!(row, None))
}

#[test]
fn the_trailer_ends_the_rows() {
    behind_the_row(&[HEADER, SEVEN, &TRAILER]).unwrap();
    behind_the_row(&[HEADER, SEVEN, &TRAILER[..1], &TRAILER[1..]]).unwrap();
}

#[test]
fn data_without_its_trailer_is_an_error() {
    for last in [&[][..], &TRAILER[..1], &SEVEN[..2], &SEVEN[..9]] {
        let error = behind_the_row(&[HEADER, SEVEN, last]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Copy);
        assert!(error.to_string().contains("the data ended before its trailer"), "{error}");
    }
    let error = next(&mut sent(Vec::new())).unwrap_err();
    assert!(error.to_string().contains("the data ended before its trailer"), "{error}");
}

#[test]
fn bytes_behind_the_trailer_are_an_error() {
    let joined = [&TRAILER[..], SEVEN].concat();
    for tail in [&[&TRAILER[..], &[0]][..], &[&TRAILER, &TRAILER], &[&TRAILER, SEVEN], &[&joined]] {
        let error = behind_the_row(&[&[HEADER, SEVEN], tail].concat()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Copy);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("bytes follow the trailer"), "{cause}");
    }
}
