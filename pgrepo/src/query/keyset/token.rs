use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::table::{PgTable, Place, TableMeta, TableName};
use crate::value::{AnyValue, SqlType, TypeInfo, Value, ValueError, take_field};

use super::base64;
use super::order::Order;

/// Where a page of the table `T` ended, and so where the next one begins; made by [`Pages::fetch_page`], and written as
/// text that may stand in a URL as it is.
///
/// It holds the values of the last row that the order goes by, in PostgreSQL's binary format, and says of which table,
/// schema and order it is, so that one of another is refused. A checksum finds what was cut or altered on the way. It is
/// neither secret nor signed: who makes one up names another place in the same order, and no more. Its values are
/// decoded before they are bound; one that only the server finds wrong, a timestamp past its range, say, is the server's
/// error. The same order by the rank of a text search has the same tokens whatever the words.
///
/// # Examples
/// ```
/// use pgrepo::{ErrorKind, PageToken, PgTable};
///
/// #[derive(Debug, PgTable)]
/// #[pg(table = "airports")]
/// struct Airport { #[pg(primary_key)] icao: String }
///
/// let error = "c29tZSB0ZXh0".parse::<PageToken<Airport>>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Token);
/// ```
///
/// [`Pages::fetch_page`]: crate::Pages::fetch_page
pub struct PageToken<T: ?Sized> {
    /// The fingerprint of the table in the schema that it was read from.
    place: u32,
    /// The fingerprint of the order.
    order: u32,
    values: Vec<TokenValue>,
    of: PhantomData<fn() -> *const T>,
}

/// The form of the text; another one begins with another number.
const FORM: u8 = 1;

impl<T: PgTable + ?Sized> PageToken<T> {
    pub(super) fn new(place: &Place, order: u32, values: Vec<TokenValue>) -> Self {
        Self { place: of_table(&place.name()), order, values, of: PhantomData }
    }

    /// The values, if the token is of this table and this order.
    pub(super) fn values_for(&self, place: &Place, order: &Order<'_, '_>) -> Result<&[TokenValue]> {
        if self.place != of_table(&place.name()) {
            let message = "the page token is of another schema: take one that this schema's pages gave";
            return Err(Error::new(ErrorKind::Token, message));
        }
        if self.order != order.fingerprint || self.values.len() != order.terms.len() {
            let message = "the page token is of another order: a token goes on with the order that it was made by";
            return Err(Error::new(ErrorKind::Token, message));
        }
        Ok(&self.values)
    }

    /// A token of which only is known which of its values are NULL.
    #[cfg(test)]
    pub(super) fn of_nulls(place: &Place, order: u32, nulls: &[bool]) -> Self {
        let value = |null: &bool| TokenValue { ty: String::new(), field: vec![if *null { 0xff } else { 0 }; 4] };
        Self::new(place, order, nulls.iter().map(value).collect())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        for number in [declared(&T::TABLE), self.place, self.order] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for TokenValue { ty, field } in &self.values {
            bytes.extend_from_slice(ty.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(field);
        }
        let sum = fingerprint(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = || Error::new(ErrorKind::Token, "the text is no page token, or was cut or altered");
        let (mut bytes, sum) = bytes.split_last_chunk::<4>().ok_or_else(malformed)?;
        if fingerprint(bytes) != u32::from_be_bytes(*sum) {
            return Err(malformed());
        }
        match bytes.split_off_first() {
            Some(&FORM) => {}
            Some(_) => return Err(Error::new(ErrorKind::Token, "the page token is of another version of pgrepo")),
            None => return Err(malformed()),
        }
        let mut number = || {
            let (number, rest) = bytes.split_first_chunk::<4>()?;
            bytes = rest;
            Some(u32::from_be_bytes(*number))
        };
        let (table, place, order) = (number(), number(), number());
        if table.ok_or_else(malformed)? != declared(&T::TABLE) {
            return Err(Error::new(ErrorKind::Token, "the page token is of another table"));
        }
        let (place, order) = (place.ok_or_else(malformed)?, order.ok_or_else(malformed)?);
        let mut values = Vec::new();
        while !bytes.is_empty() {
            values.push(TokenValue::take(&mut bytes).ok_or_else(malformed)?);
        }
        Ok(Self { place, order, values, of: PhantomData })
    }
}

/// One value that the order goes by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenValue {
    /// The type that the column had, by its name.
    ty: String,
    /// The field as the server sends it: its length and body, or −1 for NULL.
    field: Vec<u8>,
}

impl TokenValue {
    /// A row's value, `None` for NULL.
    pub(super) fn of(ty: &TypeInfo, body: Option<&[u8]>) -> Result<Self, ValueError> {
        let mut field = Vec::new();
        match body {
            Some(body) => {
                field.extend_from_slice(&crate::value::field_length(body.len())?);
                field.extend_from_slice(body);
            }
            None => field.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
        let value = Self { ty: compared_as(ty).to_owned(), field };
        value.decode(ty)?;
        Ok(value)
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (name, rest) = bytes.split_at_checked(end)?;
        let rest = rest.get(1..)?;
        let mut behind = rest;
        take_field(&mut behind).ok()?;
        let (field, _) = rest.split_at_checked(rest.len() - behind.len())?;
        *bytes = behind;
        Some(Self { ty: std::str::from_utf8(name).ok()?.to_owned(), field: field.to_vec() })
    }

    pub(super) fn is_null(&self) -> bool {
        take_field(&mut self.field.as_slice()).is_ok_and(|body| body.is_none())
    }

    /// Says whether the value can stand for a parameter of this type, after it was read as one.
    pub(super) fn check(&self, ty: &TypeInfo) -> Result<()> {
        let now = compared_as(ty);
        if now != self.ty {
            let message = format!("the page token holds a value of the type {}, and the column is {now} now", self.ty);
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        self.decode(ty).map_err(|e| {
            let message = format!("the page token's value cannot be read as {now}");
            Error::new(ErrorKind::Token, message).caused_by(e)
        })
    }

    /// Reads it by the codec; what the codec has no Rust type for, the server alone reads.
    fn decode(&self, ty: &TypeInfo) -> Result<(), ValueError> {
        match take_field(&mut self.field.as_slice())? {
            Some(body) if <Value as SqlType>::accepts(ty) => Value::decode_as(ty, Some(body)).map(drop),
            _ => Ok(()),
        }
    }
}

impl AnyValue for TokenValue {
    fn accepts(&self, ty: &TypeInfo) -> bool {
        compared_as(ty) == self.ty
    }

    fn encode_any(&self, _: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        out.extend_from_slice(&self.field);
        Ok(())
    }

    fn is_null(&self) -> bool {
        Self::is_null(self)
    }

    fn rust_type(&self) -> &'static str {
        "value of a page token"
    }

    fn sql_type(&self) -> Option<String> {
        Some(self.ty.clone())
    }
}

/// The name of the type that a column's values are compared as: a domain's is what it rests on, and two types are
/// compared by the operators of another one with the same binary format.
fn compared_as(ty: &TypeInfo) -> &str {
    match ty.base().name() {
        "varchar" => "text",
        "cidr" => "inet",
        name => name,
    }
}

/// FNV-1a: the same on every machine and in every version.
pub(super) fn fingerprint(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn of_table(name: &TableName<'_>) -> u32 {
    fingerprint(name.quoted().as_bytes())
}

fn declared(table: &TableMeta) -> u32 {
    of_table(&TableName { schema: table.schema, name: table.name })
}

impl<T: PgTable + ?Sized> fmt::Display for PageToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&self.to_bytes()))
    }
}

impl<T: PgTable + ?Sized> FromStr for PageToken<T> {
    type Err = Error;

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Token`]: the text is no token, was cut or altered, or is one of another table.
    fn from_str(text: &str) -> Result<Self> {
        let bytes = base64::decode(text)
            .ok_or_else(|| Error::new(ErrorKind::Token, "the text is no page token, or was cut or altered"));
        bytes.and_then(|bytes| Self::from_bytes(&bytes)).map_err(|e| Place::of::<T>(None).blame(e))
    }
}

impl<T: ?Sized> Clone for PageToken<T> {
    fn clone(&self) -> Self {
        Self { place: self.place, order: self.order, values: self.values.clone(), of: PhantomData }
    }
}

impl<T: ?Sized> PartialEq for PageToken<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.place, self.order, &self.values) == (other.place, other.order, &other.values)
    }
}

impl<T: ?Sized> Eq for PageToken<T> {}

impl<T: ?Sized> Hash for PageToken<T> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (self.place, self.order, &self.values).hash(state);
    }
}

/// Without the values, which are a row's.
impl<T: ?Sized> fmt::Debug for PageToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageToken").field("values", &self.values.len()).finish_non_exhaustive()
    }
}
