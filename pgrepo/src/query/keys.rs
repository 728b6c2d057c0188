//! Rows by many keys at once: the keys are one array for each of their columns.

use std::marker::PhantomData;

use crate::driver_row::FIRST_OWN;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Encoded, Handle, Lease, Values};
use crate::table::{KeyArg, OwnedRow, Place, PrimaryKey, quote_ident, sql};
use crate::value::TypeInfo;

use super::batch::put_array;
use super::reads::Reads;
use super::run::{open_on, prepare};
use super::{Text, beside};

/// Reads the rows with the keys, each in its key's place.
pub(crate) async fn get_many<H, T, K>(
    on: H,
    place: &Place,
    operation: &'static str,
    keys: &[K],
) -> Result<Vec<Option<T>>>
where
    H: Handle,
    T: PrimaryKey + OwnedRow,
    K: KeyArg<T::Key> + Send + Sync,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (mut reads, mut failed) = (Reads::on(on), None);
    loop {
        let lease = reads.lease(failed).await.map_err(|e| e.during(operation))?;
        match read(lease, place, operation, keys).await {
            Err(error) => failed = Some(error),
            rows => return rows,
        }
    }
}

async fn read<T, K>(mut lease: Lease<'_>, place: &Place, operation: &'static str, keys: &[K]) -> Result<Vec<Option<T>>>
where
    T: PrimaryKey + OwnedRow,
    K: KeyArg<T::Key> + Send + Sync,
{
    let mut rows: Vec<Option<T>> = Vec::new();
    rows.resize_with(keys.len(), || None);
    // The server says what a key is compared as: an enum, citext, a type of another schema.
    let one = place.statement::<T>(T::SELECT_BY_KEY, sql::select_by_key);
    let (one, _) = prepare(&mut lease, &one).await.map_err(|e| e.during(operation))?;
    let text = statement::<T>(place, &one.parameters);
    let values = Keys::<T::Key, K> { keys, of: PhantomData };
    let mut run = open_on(lease, operation, &text, &values, Some(T::FIELDS)).await?;
    run.each_beside::<T, i64>(&mut |row, number| {
        let slot = usize::try_from(number - 1).ok().and_then(|i| rows.get_mut(i));
        if let Some(slot) = slot {
            *slot = Some(row);
        }
        Ok(())
    })
    .await?;
    Ok(rows)
}

/// `SELECT …, k.n FROM unnest($1::…[], …) WITH ORDINALITY AS k(k1, …, n) JOIN … ON …`
fn statement<T: PrimaryKey>(place: &Place, types: &[TypeInfo]) -> String {
    let mut text = Text::new("SELECT ").qualified("t.");
    text.names(T::SPECS.iter().map(|s| &s.name));
    text.push(&format!(", k.n AS {}", beside::NAME));
    joined::<T>(&mut text, place, types);
    text.sql
}

/// ` FROM unnest($1::…[], …) WITH ORDINALITY AS k(k1, …, n) JOIN … AS t ON …`
fn joined<T: PrimaryKey>(text: &mut Text<'_, '_>, place: &Place, types: &[TypeInfo]) {
    text.push(" FROM unnest(");
    for (ty, number) in types.iter().zip(1..) {
        text.push(if number == 1 { "$" } else { ", $" });
        text.push(&format!("{number}::{}[]", named(ty)));
    }
    text.push(") WITH ORDINALITY AS k(");
    for number in 1..=types.len() {
        text.push(&format!("k{number}, "));
    }
    text.push(&format!("n) JOIN {} AS t ON ", place.quoted()));
    for (spec, number) in T::SPECS.iter().filter(|s| s.primary_key).zip(1..) {
        text.push(if number == 1 { "" } else { " AND " });
        text.column(&spec.name);
        text.push(&format!(" = k.k{number}"));
    }
}

/// A type as a cast names it.
fn named(ty: &TypeInfo) -> String {
    let schema = if ty.oid() < FIRST_OWN { Some("pg_catalog") } else { ty.schema() };
    match schema {
        Some(schema) => format!("{}.{}", quote_ident(schema), quote_ident(ty.name())),
        None => quote_ident(ty.name()),
    }
}

struct Keys<'a, Of, K> {
    keys: &'a [K],
    of: PhantomData<fn() -> Of>,
}

impl<Of, K: KeyArg<Of> + Send + Sync> Values for Keys<'_, Of, K> {
    fn count(&self) -> usize {
        self.keys.first().map_or(0, |key| key.values().len())
    }

    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded> {
        let mut columns = vec![Vec::new(); types.len()];
        for (index, key) in (0_u64..).zip(self.keys) {
            for ((value, ty), out) in key.values().iter().zip(types).zip(&mut columns) {
                let element = element(ty)?;
                if !value.accepts(element) {
                    let message = format!("the key's column is {element} and the value is a `{}`", value.rust_type());
                    return Err(Error::new(ErrorKind::Mismatch, message).at_row(index));
                }
                value
                    .encode_any(element, out)
                    .map_err(|e| Error::new(ErrorKind::Encode, "the key cannot be sent").at_row(index).caused_by(e))?;
            }
        }
        let mut encoded = Encoded::default();
        for (column, ty) in columns.iter().zip(types) {
            let element = element(ty)?;
            encoded.add(|out| put_array(self.keys.len(), element, column, out)).map_err(|e| {
                let message = "the keys cannot be sent by one statement: hand fewer over at a time";
                Error::new(ErrorKind::Encode, message).caused_by(e)
            })?;
        }
        Ok(encoded)
    }
}

fn element(ty: &TypeInfo) -> Result<&TypeInfo> {
    ty.element().ok_or_else(|| Error::new(ErrorKind::Mismatch, format!("the parameter is {ty} and no array of keys")))
}
