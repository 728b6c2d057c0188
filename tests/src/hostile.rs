//! Every decoder of the codec, given bytes that nobody vouches for.
//!
//! The fuzz target and the bounded count in the test command both call what is here.

use std::borrow::Cow;
use std::hint::black_box;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use pgrepo::copy::frame::decode_row;
use pgrepo::value::{Items, RawJson};
use pgrepo::{Decode, Encode, FromRow, Hstore, Infinite, Json, Numeric, PgType, TypeInfo, TypeKind, Value};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::rows::{Narrow, NarrowRef, Profile, Wide, WideRef, narrow, narrow_types, wide, wide_types};

type Read = fn(&[TypeInfo], &[u8]) -> bool;

/// Something that reads bytes, with bytes that it takes.
pub struct Subject {
    /// The Rust and the SQL type.
    pub name: String,
    /// Well-formed bytes, to be spoilt.
    pub seed: Vec<u8>,
    types: Vec<TypeInfo>,
    read: Read,
}

impl Subject {
    /// Reads the bytes; says whether they were a value.
    pub fn read(&self, bytes: &[u8]) -> bool {
        (self.read)(&self.types, bytes)
    }
}

/// The array type of `element`, which a server has under the OID `oid`.
pub fn array_of(element: TypeInfo) -> TypeInfo {
    TypeInfo::new(70_000, format!("{element}[]"), TypeKind::Array(element.into()))
}

fn read_value<'r, V: Decode<'r>>(ty: &TypeInfo, bytes: &'r [u8]) -> bool {
    black_box(V::decode(ty, bytes)).is_ok()
}

fn read_row<T: FromRow>(types: &[TypeInfo], bytes: &[u8]) -> bool {
    black_box(decode_row::<T>(bytes, types)).is_ok()
}

fn body<V: Encode + ?Sized>(value: &V, ty: &TypeInfo) -> Vec<u8> {
    let mut out = Vec::new();
    match value.encode(ty, &mut out) {
        Ok(()) => out.split_off(4),
        Err(error) => panic!("a seed is refused: {error}"),
    }
}

fn tuple<R: pgrepo::WriteFields>(row: &R, types: &[TypeInfo]) -> Vec<u8> {
    let mut out = Vec::new();
    match pgrepo::copy::frame::encode_row(row, types, &mut out) {
        Ok(()) => out.split_off(2),
        Err(error) => panic!("a seed is refused: {error}"),
    }
}

/// Each Rust type of the codec on each SQL type that it is read from, and rows.
pub fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    macro_rules! value {
        ($($rust:ty as $sql:ident = $seed:expr;)+) => {$({
            let ty = TypeInfo::builtin(PgType::$sql);
            all.push(Subject {
                name: concat!(stringify!($rust), " from ", stringify!($sql)).to_owned(),
                seed: body(&$seed, &ty),
                types: vec![ty],
                read: |types, bytes| types.iter().all(|ty| read_value::<$rust>(ty, bytes)),
            });
        })+};
    }
    macro_rules! array {
        ($($rust:ty as $sql:ident = $seed:expr;)+) => {$({
            let ty = array_of(TypeInfo::builtin(PgType::$sql));
            all.push(Subject {
                name: concat!(stringify!($rust), " from ", stringify!($sql), "[]").to_owned(),
                seed: body(&$seed, &ty),
                types: vec![ty],
                read: |types, bytes| types.iter().all(|ty| read_value::<$rust>(ty, bytes)),
            });
        })+};
    }
    let now = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap_or_default();
    let document = serde_json::json!({"a": [1, null, {"b": "x\u{2603}\n"}], "": 1e300});
    let dense = serde_json::Value::from(vec![serde_json::json!({"": 0}); 500]);
    let profile = wide(3).profile;
    let map: Hstore = [("a", Some("1")), ("b", None), ("", Some(""))].into_iter().collect();
    let numeric: Numeric = match "-12345.6789".parse() {
        Ok(numeric) => numeric,
        Err(error) => panic!("{error}"),
    };
    value! {
        bool as BOOL = true;
        i16 as INT2 = 1_i16;
        i32 as INT4 = 1;
        i64 as INT8 = 1_i64;
        u32 as OID = 1_u32;
        f32 as FLOAT4 = 1_f32;
        f64 as FLOAT8 = 1_f64;
        &str as TEXT = "naïve text";
        String as VARCHAR = "naïve text";
        Box<str> as BPCHAR = "naïve text";
        Cow<'_, str> as NAME = "naïve text";
        &[u8] as BYTEA = [1_u8, 2, 3];
        Vec<u8> as BYTEA = [1_u8, 2, 3];
        Bytes as BYTEA = [1_u8, 2, 3];
        [u8; 3] as BYTEA = [1_u8, 2, 3];
        Uuid as UUID = Uuid::max();
        NaiveDate as DATE = now.date_naive();
        NaiveTime as TIME = now.time();
        NaiveDateTime as TIMESTAMP = now.naive_utc();
        DateTime<Utc> as TIMESTAMPTZ = now;
        DateTime<FixedOffset> as TIMESTAMPTZ = now;
        Infinite<NaiveDate> as DATE = now.date_naive();
        Infinite<NaiveDateTime> as TIMESTAMP = now.naive_utc();
        Infinite<DateTime<Utc>> as TIMESTAMPTZ = now;
        serde_json::Value as JSON = document;
        serde_json::Value as JSONB = document;
        serde_json::Value as JSON = dense;
        Json<Profile> as JSONB = profile;
        &RawValue as JSONB = document;
        Box<RawValue> as JSON = document;
        RawJson<'_> as JSONB = document;
        Decimal as NUMERIC = numeric;
        Numeric as NUMERIC = numeric;
        Value as NUMERIC = numeric;
        Value as JSONB = document;
        Value as TIMESTAMPTZ = now;
        Value as TEXT = "naïve text";
        Value as TIME = now.time();
    }
    array! {
        Vec<Option<i32>> as INT4 = [Some(1), None, Some(3)];
        Vec<i64> as INT8 = [1_i64, 2, 3];
        Vec<String> as TEXT = ["a", "", "ü"];
        Items<'_, &str> as TEXT = ["a", "", "ü"];
        Box<[Vec<u8>]> as BYTEA = [vec![1_u8], vec![]];
        [bool; 2] as BOOL = [true, false];
        Vec<Decimal> as NUMERIC = [&numeric, &numeric];
        Vec<Numeric> as NUMERIC = [&numeric, &numeric];
        Vec<Json<Profile>> as JSONB = [&profile, &profile];
        Vec<Option<NaiveDate>> as DATE = [Some(now.date_naive()), None];
        Vec<Option<Value>> as TEXT = [Some("a"), None];
        Value as TEXT = [Some("a"), None];
        Value as INT4 = [Some(1), None];
        Value as JSON = [&document, &document];
    }
    let hstore = TypeInfo::new(70_001, "hstore", TypeKind::Plain);
    let maps = array_of(hstore.clone());
    let pairs: [(_, _, _, Read); 3] = [
        ("Hstore", body(&map, &hstore), hstore.clone(), |t, b| t.iter().all(|ty| read_value::<Hstore>(ty, b))),
        ("Value from hstore", body(&map, &hstore), hstore, |t, b| t.iter().all(|ty| read_value::<Value>(ty, b))),
        ("Vec<Hstore>", body(&[&map, &map], &maps), maps, |t, b| t.iter().all(|ty| read_value::<Vec<Hstore>>(ty, b))),
    ];
    all.extend(pairs.map(|(name, seed, ty, read)| Subject { name: name.to_owned(), seed, types: vec![ty], read }));
    let rows: [(_, _, _, Read); 6] = [
        ("Wide", tuple(&wide(3), &wide_types()), wide_types(), read_row::<Wide>),
        ("WideRef", tuple(&wide(3), &wide_types()), wide_types(), read_row::<WideRef<'_>>),
        ("Narrow", tuple(&narrow(3), &narrow_types()), narrow_types(), read_row::<Narrow>),
        ("NarrowRef", tuple(&narrow(3), &narrow_types()), narrow_types(), read_row::<NarrowRef<'_>>),
        ("a tuple", tuple(&narrow(3), &narrow_types()), narrow_types(), read_row::<(&str, Option<String>, Value)>),
        ("a value", tuple(&narrow(3), &narrow_types()), narrow_types(), read_row::<String>),
    ];
    all.extend(rows.map(|(name, seed, types, read)| Subject { name: name.to_owned(), seed, types, read }));
    all
}

/// A small generator of numbers: the same from the same seed.
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    fn byte(&mut self) -> u8 {
        const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xff, b'[', b'"'];
        match EDGES.get(self.below(EDGES.len() * 2)) {
            Some(edge) => *edge,
            None => u8::try_from(self.below(256)).unwrap_or_default(),
        }
    }

    /// Spoils bytes: changes some, cuts, repeats and inserts.
    pub fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len().max(1));
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => {
                    let byte = self.byte();
                    bytes.insert(at.min(bytes.len()), byte);
                }
                2 => {
                    let again = bytes.get(at..).unwrap_or_default().to_vec();
                    bytes.extend(again);
                }
                // A length or a count, very large or negative.
                3 => {
                    let edges =
                        [[0x7f, 0xff, 0xff, 0xff], [0xff; 4], [0x80, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0xff, 0xff]];
                    if let Some(slot) = bytes.get_mut(at & !3..(at & !3) + 4) {
                        slot.copy_from_slice(&edges[self.below(edges.len())]);
                    }
                }
                _ => {
                    let byte = self.byte();
                    if let Some(slot) = bytes.get_mut(at) {
                        *slot = byte;
                    }
                }
            }
        }
        bytes.truncate(4_096);
    }
}
