//! The rows' bytes as a person would write them for these two structs only, with the same checks.

#![allow(clippy::unwrap_used, reason = "a failure ends the program")]

use crate::rows::{Narrow, Wide};
use chrono::{DateTime, Utc};
use pgrepo::Json;
use uuid::Uuid;

const EPOCH_MICROS: i64 = 946_684_800_000_000;
const FIRST_MICROS: i64 = -211_813_488_000_000_000;

#[inline]
fn has_nul(bytes: &[u8]) -> bool {
    const fn zeros(w: u64) -> u64 {
        w.wrapping_sub(0x0101_0101_0101_0101) & !w & 0x8080_8080_8080_8080
    }
    let any = |chunk: &[u8; 16]| chunk.iter().fold(0, |found, b| found | u8::from(*b == 0)) != 0;
    if let Some(last) = bytes.last_chunk::<16>() {
        return any(last) || bytes.as_chunks::<16>().0.iter().any(any);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => zeros(u64::from_ne_bytes(*first)) | zeros(u64::from_ne_bytes(*last)) != 0,
        _ => bytes.contains(&0),
    }
}

#[inline]
fn text(text: &str, out: &mut Vec<u8>) {
    assert!(!has_nul(text.as_bytes()));
    assert!(text.len() < 1 << 30);
    out.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Writes a length before what `body` appends.
#[inline]
fn sized(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = out.len() - start - 4;
    assert!(length < 1 << 30);
    out[start..start + 4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
}

/// A length and a body of a fixed width, one store.
macro_rules! fixed {
    ($out:expr, $width:literal, $bytes:expr) => {{
        let mut field = [0; 4 + $width];
        field[3] = $width;
        field[4..].copy_from_slice($bytes);
        $out.extend_from_slice(&field);
    }};
}

/// Writes a narrow row's tuple, its number of fields first.
pub fn encode_narrow(row: &Narrow, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 3]);
    text(&row.name, out);
    text(&row.email, out);
    fixed!(out, 4, &row.age.to_be_bytes());
}

/// Writes a wide row's tuple, its number of fields first.
pub fn encode_wide(row: &Wide, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 10]);
    fixed!(out, 8, &row.id.to_be_bytes());
    text(&row.name, out);
    text(&row.email, out);
    fixed!(out, 4, &row.age.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 1, u8::from(row.active)]);
    fixed!(out, 8, &row.balance.to_be_bytes());
    assert!(row.created_at.timestamp_subsec_nanos() < 1_000_000_000);
    let micros = row.created_at.timestamp_micros() - EPOCH_MICROS;
    assert!(micros >= FIRST_MICROS);
    fixed!(out, 8, &micros.to_be_bytes());
    fixed!(out, 16, row.uid.as_bytes());
    sized(out, |out| {
        out.push(1);
        serde_json::to_writer(out, &row.profile.0).unwrap();
    });
    sized(out, |out| {
        assert!(!row.tags.is_empty());
        out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25]);
        out.extend_from_slice(&u32::try_from(row.tags.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 1]);
        for tag in &row.tags {
            text(tag, out);
        }
    });
}

/// Takes fields off the front of a tuple.
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    #[inline]
    fn bytes(&mut self) -> Option<&'r [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (body, rest) = rest.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(body)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes()?.try_into().ok()
    }

    #[inline]
    fn text(&mut self) -> Option<&'r str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    #[inline]
    fn time(&mut self) -> Option<DateTime<Utc>> {
        let micros = i64::from_be_bytes(self.fixed()?);
        if micros == i64::MAX || micros == i64::MIN {
            return None;
        }
        DateTime::from_timestamp_micros(micros.checked_add(EPOCH_MICROS)?)
    }

    #[inline]
    fn json(&mut self) -> Option<&'r [u8]> {
        self.bytes()?.strip_prefix(&[1])
    }

    /// The number of texts, and their fields.
    #[inline]
    fn texts(&mut self) -> Option<(usize, &'r [u8])> {
        let (head, rest) = self.bytes()?.split_first_chunk::<20>()?;
        let [0, 0, 0, 1, _, _, _, _, 0, 0, 0, 25, a, b, c, d, 0, 0, 0, 1] = *head else { return None };
        let count = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        (count <= rest.len() / 4).then_some((count, rest))
    }
}

/// Reads a wide row's tuple, without the number of its fields.
pub fn decode_wide(tuple: &[u8]) -> Option<Wide> {
    let mut reader = Reader(tuple);
    Some(Wide {
        id: i64::from_be_bytes(reader.fixed()?),
        name: reader.text()?.to_owned(),
        email: reader.text()?.to_owned(),
        age: i32::from_be_bytes(reader.fixed()?),
        active: reader.fixed::<1>()? == [1],
        balance: f64::from_be_bytes(reader.fixed()?),
        created_at: reader.time()?,
        uid: Uuid::from_bytes(reader.fixed()?),
        profile: Json(serde_json::from_slice(reader.json()?).ok()?),
        tags: {
            let (count, fields) = reader.texts()?;
            let mut fields = Reader(fields);
            let mut tags = Vec::with_capacity(count);
            for _ in 0..count {
                tags.push(fields.text()?.to_owned());
            }
            tags
        },
    })
}

/// What [`decode_wide_ref`] reads.
#[allow(dead_code, reason = "what a reader would look at")]
#[derive(Debug)]
pub struct HandWideRef<'r> {
    id: i64,
    name: &'r str,
    email: &'r str,
    age: i32,
    active: bool,
    balance: f64,
    created_at: DateTime<Utc>,
    uid: Uuid,
    profile: &'r str,
    tags: (usize, &'r [u8]),
}

/// The same, and nothing is allocated.
pub fn decode_wide_ref(tuple: &[u8]) -> Option<HandWideRef<'_>> {
    let mut reader = Reader(tuple);
    Some(HandWideRef {
        id: i64::from_be_bytes(reader.fixed()?),
        name: reader.text()?,
        email: reader.text()?,
        age: i32::from_be_bytes(reader.fixed()?),
        active: reader.fixed::<1>()? == [1],
        balance: f64::from_be_bytes(reader.fixed()?),
        created_at: reader.time()?,
        uid: Uuid::from_bytes(reader.fixed()?),
        profile: std::str::from_utf8(reader.json()?).ok()?,
        tags: reader.texts()?,
    })
}

/// What [`decode_narrow_ref`] reads.
#[allow(dead_code, reason = "what a reader would look at")]
#[derive(Debug)]
pub struct HandNarrowRef<'r> {
    name: &'r str,
    email: &'r str,
    age: i32,
}

/// Reads a narrow row's tuple, and nothing is allocated.
pub fn decode_narrow_ref(tuple: &[u8]) -> Option<HandNarrowRef<'_>> {
    let mut reader = Reader(tuple);
    Some(HandNarrowRef { name: reader.text()?, email: reader.text()?, age: i32::from_be_bytes(reader.fixed()?) })
}
