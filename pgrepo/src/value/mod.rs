//! One codec: how a Rust value stands in PostgreSQL's binary format.
//!
//! The same traits serve COPY in, COPY out, rows of a query and bound parameters. Nothing here knows a
//! driver or a runtime: bytes in, bytes out.
//! The formats are those of the `*send` and `*recv` functions of the server
//! (<https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES>).
//!
//! | SQL | Rust | what does not go |
//! |---|---|---|
//! | `bool` | `bool` | |
//! | `int2`, `int4`, `int8`, `oid` | `i16`, `i32`, `i64`, `u32` | another width: each to its own type only |
//! | `float4`, `float8` | `f32`, `f64` | nothing: NaN, the infinities and −0 keep their bits |
//! | `numeric` | `Decimal` (feature `rust_decimal`), [`Numeric`] | into `Decimal`: NaN, the infinities, more than 28 digits |
//! | `text`, `varchar`, `char(n)`, `name`, `citext` | `String`, `&str`, `Cow<str>`, `Box<str>` | U+0000 |
//! | `bytea` | `Vec<u8>`, `&[u8]`, `[u8; N]`, `Cow<[u8]>`, `Box<[u8]>`, `Bytes` | |
//! | `uuid` | `Uuid` (feature `uuid`) | |
//! | `date` | `NaiveDate`, [`Infinite<NaiveDate>`](Infinite) (feature `chrono`) | before 4714-11-24 BC |
//! | `time` | `NaiveTime` | a leap second; 24:00:00 when read |
//! | `timestamp` | `NaiveDateTime`, `Infinite<NaiveDateTime>` | a leap second; before 4714-11-24 BC |
//! | `timestamptz` | `DateTime<Tz>`, read as `Utc` or `FixedOffset`; `Infinite<…>` of these | the same |
//! | `json`, `jsonb` | [`Json<T>`](Json), `serde_json::Value`, `Box<RawValue>`, `&RawValue`, [`RawJson`] | |
//! | `hstore` | [`Hstore`] | U+0000 |
//! | arrays of these | `Vec<T>`, `[T; N]`, `Box<[T]>`, `&[T]`, [`Items`]; NULLs as `Option<T>` | two dimensions; a first index other than 1 |
//! | any of these | [`Value`] | |
//!
//! Each of them may be an `Option`, for NULL. A field takes up to 1 GiB less one byte. What does not go is an error
//! ([`ValueErrorKind`]); nothing is cut off or rounded in silence, but for two things:
//!
//! **PostgreSQL counts microseconds, chrono nanoseconds.** What is below a microsecond is cut off on the way in,
//! towards the past: `12:00:00.000000999` is stored as `12:00:00`. It is no error because `Utc::now()` has
//! nanoseconds. (The server's own text input rounds to the nearest microsecond instead.) Where a value must come
//! back equal, cut it first: `t.trunc_subsecs(6)`.
//!
//! **JSON's numbers are read as serde_json reads them:** into a `serde_json::Value` or an `f64` those beyond a double's
//! digits are rounded. `Box<RawValue>` and [`RawJson`] keep the text as it stands.
//!
//! **`timestamptz` keeps an instant and no zone.** A `DateTime` of any zone may be written; what is read is in UTC, and
//! a `DateTime<FixedOffset>`'s offset is then always 0.
//!
//! An infinite date or timestamp, and a year past chrono's (±262,143), is an error when read into a plain type;
//! [`Infinite`] takes the infinities.
//!
//! **Three things of JSON are the server's to refuse:** `\u0000` in a jsonb string, a lone surrogate, and nesting
//! deeper than its stack. NaN and the infinities have no form in JSON: serde_json writes them as `null`. When
//! read into a Rust type, serde_json stops at 128 levels.

mod any;
mod array;
mod bytes;
#[cfg(feature = "rust_decimal")]
mod decimal;
mod definition;
#[doc(hidden)]
pub mod derived;
mod dynamic;
mod error;
mod hstore;
mod json;
mod kind;
mod number;
mod numeric;
mod option;
mod text;
#[cfg(feature = "chrono")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

pub use any::{AnyValue, sql_type_name};
pub use array::{Element, Items};
pub(crate) use array::{element_of, put_items};
pub use bytes::put_bytes;
pub use definition::TypeDefinition;
pub use dynamic::Value;
pub use error::{ValueError, ValueErrorKind};
pub use hstore::Hstore;
#[cfg(feature = "csv")]
pub(crate) use json::JSON_NAME;
pub use json::{Json, RawJson, get_json, put_json};
pub use kind::{PgType, TypeInfo, TypeKind};
pub use numeric::{Numeric, ParseNumericError};
pub use text::put_text;
#[cfg(feature = "chrono")]
pub use time::Infinite;

/// The largest field that PostgreSQL takes: 1 GiB less one byte
/// (<https://www.postgresql.org/docs/current/limits.html>).
pub const MAX_FIELD: usize = 0x3fff_ffff;

/// Says which SQL types a Rust type stands for.
///
/// # Examples
/// ```
/// use pgrepo::value::SqlType;
/// assert_eq!(<i64 as SqlType>::TYPES[0].name, "int8");
/// assert!(<Option<String> as SqlType>::NULLABLE);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that pgrepo can put in a column",
    label = "no column type",
    note = "a column holds a number, text, bytes, a date or time, a uuid, JSON, or a Vec or Option of these; \
            derive PgEnum or PgNewtype for a type of your own, mark the field #[pg(json)] to keep it as jsonb, \
            or #[pg(via_sqlx)] when it has sqlx's traits only"
)]
pub trait SqlType {
    /// The SQL types that fit, the usual one first; of an array type, those of its elements.
    const TYPES: &'static [PgType];
    /// Whether the value is an array of [`TYPES`](Self::TYPES).
    const ARRAY: bool = false;
    /// Whether the value can be NULL.
    const NULLABLE: bool = false;
    /// How the first of [`TYPES`](Self::TYPES) is made, where that is the user's and the Rust type says so.
    const DEFINITION: Option<&'static TypeDefinition> = None;

    /// Says whether a column or parameter of the type `ty` can hold this value; domains count as what they rest on.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{PgType, SqlType, TypeInfo};
    /// assert!(String::accepts(&TypeInfo::builtin(PgType::VARCHAR)));
    /// assert!(!i32::accepts(&TypeInfo::builtin(PgType::INT8)));
    /// ```
    fn accepts(ty: &TypeInfo) -> bool {
        let mut ty = ty.base();
        if Self::ARRAY {
            match ty.element() {
                Some(element) => ty = element.base(),
                None => return false,
            }
        }
        Self::TYPES.iter().any(|t| t.is(ty))
    }
}

/// Writes a value in the binary format.
///
/// # Examples
/// ```
/// use pgrepo::{Encode, PgType, SqlType, TypeInfo, ValueError};
///
/// /// Degrees, kept in the database as thousandths of them.
/// struct Degrees(f64);
///
/// impl SqlType for Degrees {
///     const TYPES: &'static [PgType] = &[PgType::FLOAT8];
/// }
///
/// impl Encode for Degrees {
///     fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
///         (self.0 * 1000.0).encode(ty, out)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be written to PostgreSQL", label = "has no binary form")]
pub trait Encode: SqlType {
    /// Appends the field as COPY and Bind carry it: its length as a big-endian `i32` and its body, or −1 for NULL.
    ///
    /// `ty` is a type that [`SqlType::accepts`] said yes to.
    ///
    /// # Errors
    /// The value has no exact form in PostgreSQL. `out` may then hold a part of the field: the caller cuts it off.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Encode, PgType, TypeInfo};
    /// let mut out = Vec::new();
    /// 7_i16.encode(&TypeInfo::builtin(PgType::INT2), &mut out)?;
    /// assert_eq!(out, [0, 0, 0, 2, 0, 7]);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError>;

    /// Whether this very value goes as NULL.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Encode;
    /// assert!(None::<i32>.is_null() && !Some(1).is_null());
    /// ```
    fn is_null(&self) -> bool {
        false
    }
}

/// Reads a value from the binary format; `'r` is the life of the row's buffer, from which it may borrow.
///
/// # Examples
/// ```
/// use pgrepo::{Decode, PgType, SqlType, TypeInfo, ValueError};
///
/// /// Degrees, kept in the database as thousandths of them.
/// struct Degrees(f64);
///
/// impl SqlType for Degrees {
///     const TYPES: &'static [PgType] = &[PgType::FLOAT8];
/// }
///
/// impl<'r> Decode<'r> for Degrees {
///     fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
///         f64::decode(ty, body).map(|thousandths| Self(thousandths / 1000.0))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be read from PostgreSQL", label = "has no binary form")]
pub trait Decode<'r>: SqlType + Sized {
    /// Reads the body of a field that is not NULL.
    ///
    /// # Errors
    /// The bytes are not a value of `ty`, or one that the Rust type cannot hold.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Decode, PgType, TypeInfo};
    /// assert_eq!(i16::decode(&TypeInfo::builtin(PgType::INT2), &[0, 7])?, 7);
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError>;

    /// Reads a NULL.
    ///
    /// # Errors
    /// [`ValueErrorKind::UnexpectedNull`], unless the type is an `Option`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Decode, ValueErrorKind};
    /// assert_eq!(Option::<i32>::decode_null()?, None);
    /// assert!(matches!(i32::decode_null().unwrap_err().kind(), ValueErrorKind::UnexpectedNull));
    /// # Ok::<(), pgrepo::ValueError>(())
    /// ```
    fn decode_null() -> Result<Self, ValueError> {
        Err(ValueErrorKind::UnexpectedNull.into())
    }
}

/// Reads a field: the body, or `None` for NULL.
///
/// # Errors
/// As [`Decode::decode`] and [`Decode::decode_null`].
///
/// # Examples
/// ```
/// use pgrepo::value::{PgType, TypeInfo, decode_field};
/// let int2 = TypeInfo::builtin(PgType::INT2);
/// assert_eq!(decode_field::<i16>(&int2, Some(&[0, 7]))?, 7);
/// assert_eq!(decode_field::<Option<i16>>(&int2, None)?, None);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn decode_field<'r, V: Decode<'r>>(ty: &TypeInfo, field: Option<&'r [u8]>) -> Result<V, ValueError> {
    match field {
        Some(body) => V::decode(ty, body),
        None => V::decode_null(),
    }
}

/// Appends a field whose length is known only once its body is written.
///
/// # Errors
/// Those of `body`, and [`ValueErrorKind::TooLarge`] past [`MAX_FIELD`].
///
/// # Examples
/// ```
/// let mut field = Vec::new();
/// pgrepo::value::encode_sized(&mut field, |out| {
///     out.extend_from_slice(b"abc");
///     Ok(())
/// })?;
/// assert_eq!(field, [0, 0, 0, 3, b'a', b'b', b'c']);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn encode_sized<F>(out: &mut Vec<u8>, body: F) -> Result<(), ValueError>
where
    F: FnOnce(&mut Vec<u8>) -> Result<(), ValueError>,
{
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out)?;
    let length = out.len() - start - 4;
    let prefix = field_length(length)?;
    if let Some(slot) = out.get_mut(start..start + 4) {
        slot.copy_from_slice(&prefix);
    }
    Ok(())
}

/// The length prefix of a field of `length` bytes.
///
/// # Errors
/// [`ValueErrorKind::TooLarge`] past [`MAX_FIELD`].
///
/// # Examples
/// ```
/// assert_eq!(pgrepo::value::field_length(258)?, [0, 0, 1, 2]);
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn field_length(length: usize) -> Result<[u8; 4], ValueError> {
    match i32::try_from(length) {
        Ok(n) if length <= MAX_FIELD => Ok(n.to_be_bytes()),
        _ => Err(too_large(length)),
    }
}

#[cold]
fn too_large(length: usize) -> ValueError {
    ValueErrorKind::TooLarge { length }.into()
}

/// Takes the next field off the front of `bytes`: its body, or `None` for NULL.
///
/// # Errors
/// [`ValueErrorKind::Invalid`] when the bytes end inside it, or its length is below −1.
///
/// # Examples
/// ```
/// let mut bytes = &[0, 0, 0, 1, b'x', 255, 255, 255, 255][..];
/// assert_eq!(pgrepo::value::take_field(&mut bytes)?, Some(&b"x"[..]));
/// assert_eq!(pgrepo::value::take_field(&mut bytes)?, None);
/// assert!(bytes.is_empty());
/// # Ok::<(), pgrepo::ValueError>(())
/// ```
#[inline]
pub fn take_field<'r>(bytes: &mut &'r [u8]) -> Result<Option<&'r [u8]>, ValueError> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(cut());
    };
    let length = i32::from_be_bytes(*length);
    if length == -1 {
        *bytes = rest;
        return Ok(None);
    }
    match usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n)) {
        Some((body, rest)) => {
            *bytes = rest;
            Ok(Some(body))
        }
        None => Err(cut()),
    }
}

#[cold]
fn cut() -> ValueError {
    ValueErrorKind::Invalid("the bytes end inside a field".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body of a value's field.
    pub(super) fn body<V: Encode + ?Sized>(value: &V, ty: PgType) -> Vec<u8> {
        let mut out = Vec::new();
        value.encode(&TypeInfo::builtin(ty), &mut out).unwrap();
        let body = out.split_off(4);
        assert_eq!(out, i32::try_from(body.len()).unwrap().to_be_bytes());
        body
    }

    /// The value, written and read.
    pub(super) fn round<V: Encode + for<'r> Decode<'r>>(value: &V, ty: PgType) -> V {
        V::decode(&TypeInfo::builtin(ty), &body(value, ty)).unwrap()
    }

    /// The error that writing it gives.
    pub(super) fn refused<V: Encode + ?Sized>(value: &V, ty: PgType) -> ValueError {
        value.encode(&TypeInfo::builtin(ty), &mut Vec::new()).unwrap_err()
    }

    /// The array type of a built-in type.
    pub(super) fn array(element: PgType) -> TypeInfo {
        TypeInfo::new(1, format!("{element}[]"), TypeKind::Array(TypeInfo::builtin(element).into()))
    }

    #[test]
    fn fields_are_taken_one_by_one() {
        let mut bytes = &b"\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0"[..];
        assert_eq!(take_field(&mut bytes).unwrap(), Some(&b"a"[..]));
        assert_eq!(take_field(&mut bytes).unwrap(), None);
        assert_eq!(take_field(&mut bytes).unwrap(), Some(&b""[..]));
        assert!(take_field(&mut bytes).is_err());
        for bad in [&b"\xff\xff\xff\xfe"[..], b"\0\0\0\x02a", b"\0\0\0"] {
            let mut bytes = bad;
            assert!(take_field(&mut bytes).is_err());
        }
    }
}
