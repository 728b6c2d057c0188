//! The same fields through sqlx's own encoders. (Its decoders cannot be given bytes.)

use std::hint::black_box;

use sqlx::encode::{Encode, IsNull};
use sqlx::types::Json;
use sqlx_postgres::{PgArgumentBuffer, Postgres};
use tests::rows::{Narrow, Wide};

use crate::Run;

/// A field with its length, as the driver's own argument list writes it.
fn field<'q, T: Encode<'q, Postgres>>(value: &T, out: &mut PgArgumentBuffer) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let length = match value.encode_by_ref(out).unwrap() {
        IsNull::No => i32::try_from(out.len() - start - 4).unwrap(),
        IsNull::Yes => -1,
    };
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn encoding<R: 'static>(rows: Vec<R>, in_a_turn: u32, encode: fn(&R, &mut PgArgumentBuffer)) -> Run {
    Box::new(move |count| {
        for _ in 0..count / in_a_turn {
            // A new one each time: it remembers every JSON value that it was given.
            let mut out = PgArgumentBuffer::default();
            out.reserve(1 << 17);
            for row in &rows {
                encode(black_box(row), &mut out);
            }
            black_box(&out);
        }
    })
}

pub(crate) fn encoding_narrow(rows: Vec<Narrow>, in_a_turn: u32) -> Run {
    encoding(rows, in_a_turn, |row, out| {
        out.extend_from_slice(&[0, 3]);
        field(&row.name, out);
        field(&row.email, out);
        field(&row.age, out);
    })
}

pub(crate) fn encoding_wide(rows: Vec<Wide>, in_a_turn: u32) -> Run {
    encoding(rows, in_a_turn, |row, out| {
        out.extend_from_slice(&[0, 10]);
        field(&row.id, out);
        field(&row.name, out);
        field(&row.email, out);
        field(&row.age, out);
        field(&row.active, out);
        field(&row.balance, out);
        field(&row.created_at, out);
        field(&row.uid, out);
        field(&Json(&row.profile.0), out);
        field(&row.tags, out);
    })
}
