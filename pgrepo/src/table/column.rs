use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::value::{AnyValue, Element, Encode};

use super::Name;

/// Marks a column that may be written.
#[derive(Debug, Clone, Copy)]
pub struct Writable;

/// Marks a column that the server makes: an identity or a generated one.
#[derive(Debug, Clone, Copy)]
pub struct ServerMade;

/// Marks a column of a view, or of a struct that is declared read-only.
#[derive(Debug, Clone, Copy)]
pub struct OfView;

/// The marks of columns that may be written.
#[diagnostic::on_unimplemented(
    message = "this column cannot be written: the server makes it, or its struct is read-only",
    label = "a column marked `{Self}`"
)]
pub trait CanWrite {}

impl CanWrite for Writable {}

/// Neither holds nor drops any of them, and is `Send` and `Sync` whatever they are.
type Of<T, V, W> = (fn() -> *const T, fn() -> *const V, W);

/// A column of the table `T` whose field has the type `V`; `W` says whether it may be written.
///
/// The derive writes one constant for each field: `Airport::ICAO`.
pub struct Column<T: ?Sized, V: ?Sized, W = Writable> {
    name: Name,
    #[allow(clippy::type_complexity, reason = "a marker")]
    of: PhantomData<Of<T, V, W>>,
}

impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    /// A column by its name; the derive calls this.
    ///
    /// # Examples
    /// ```
    /// # struct User;
    /// use pgrepo::Column;
    /// const NAME: Column<User, String> = Column::new("name");
    /// assert_eq!(NAME.name().to_string(), "name");
    /// ```
    pub const fn new(name: &'static str) -> Self {
        Self { name: Name::new(name), of: PhantomData }
    }

    /// The column's name.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { #[pg(column = "e-mail")] email: String }
    /// assert_eq!(User::EMAIL.name().to_string(), "e-mail");
    /// ```
    pub const fn name(&self) -> Name {
        self.name
    }
}

impl<T: ?Sized, V: ?Sized, W> Clone for Column<T, V, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, V: ?Sized, W> Copy for Column<T, V, W> {}

impl<T: ?Sized, V: ?Sized, W> fmt::Debug for Column<T, V, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({})", self.name)
    }
}

/// An embedded struct's place in the table `T`: `Person::HOME.at(Address::STREET)` is a column of `Person`.
pub struct Embedded<T: ?Sized, E: ?Sized> {
    prefix: Name,
    #[allow(clippy::type_complexity, reason = "a marker")]
    of: PhantomData<Of<T, E, ()>>,
}

impl<T: ?Sized, E: ?Sized> Embedded<T, E> {
    /// A place with the prefix of its columns' names; the derive calls this.
    ///
    /// # Examples
    /// ```
    /// # struct Person;
    /// # struct Address;
    /// use pgrepo::{Column, Embedded};
    /// const HOME: Embedded<Person, Address> = Embedded::new("home_");
    /// const CITY: Column<Address, String> = Column::new("city");
    /// assert_eq!(HOME.at(CITY).name().to_string(), "home_city");
    /// ```
    pub const fn new(prefix: &'static str) -> Self {
        Self { prefix: Name::new(prefix), of: PhantomData }
    }

    /// The column of `T` that a column of the embedded struct is.
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{PgRecord, PgTable};
    /// #[derive(PgRecord)]
    /// struct Address {
    ///     city: String,
    /// }
    /// #[derive(PgTable)]
    /// #[pg(table = "people")]
    /// struct Person {
    ///     name: String,
    ///     #[pg(flatten = "home_")]
    ///     home: Address,
    /// }
    /// let in_la_paz = Person::HOME.at(Address::CITY).eq("La Paz");
    /// assert_eq!(format!("{in_la_paz:?}"), r#"Filter("home_city" = $1)"#);
    /// ```
    pub const fn at<V: ?Sized, W>(self, column: Column<E, V, W>) -> Column<T, V, W> {
        Column { name: self.before(column.name), of: PhantomData }
    }

    /// The place of a struct that is embedded in the embedded one.
    ///
    /// # Examples
    /// ```
    /// # struct Person;
    /// # struct Home;
    /// # struct Address;
    /// use pgrepo::{Column, Embedded};
    /// const HOME: Embedded<Person, Home> = Embedded::new("home_");
    /// const POST: Embedded<Home, Address> = Embedded::new("post_");
    /// const CITY: Column<Address, String> = Column::new("city");
    /// assert_eq!(HOME.within(POST).at(CITY).name().to_string(), "home_post_city");
    /// ```
    pub const fn within<F: ?Sized>(self, place: Embedded<E, F>) -> Embedded<T, F> {
        Embedded { prefix: self.before(place.prefix), of: PhantomData }
    }

    const fn before(self, name: Name) -> Name {
        let [a, b, c, own] = *self.prefix.pieces();
        name.prefixed(own).prefixed(c).prefixed(b).prefixed(a)
    }
}

impl<T: ?Sized, E: ?Sized> Clone for Embedded<T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, E: ?Sized> Copy for Embedded<T, E> {}

/// A value that can stand for a column of the type `V`: `V` itself, a reference to it, and for text, bytes and
/// options also what the type borrows as.
#[diagnostic::on_unimplemented(
    message = "a column of the type `{V}` cannot be compared with or set to `{Self}`",
    label = "expected a value for a column of the type `{V}`"
)]
pub trait Arg<V: ?Sized>: AnyValue {}

impl<V: Encode> Arg<V> for V {}
impl<V: Encode> Arg<V> for &V {}
impl<V: Encode> Arg<Option<V>> for V where Option<V>: Encode {}
impl<V: Encode> Arg<Option<V>> for &V where Option<V>: Encode {}

/// A field's type that can be written to a column of the type `V`: what stands for such a column, and an `Option` of what
/// its type borrows as. (As a value to compare with, the latter would leave open which `Option` a bare `None` is.)
#[diagnostic::on_unimplemented(
    message = "a column of the type `{V}` cannot be compared with or set to `{Self}`",
    label = "expected a value for a column of the type `{V}`"
)]
pub trait Writes<V: ?Sized>: AnyValue {}

impl<V: ?Sized, A: Arg<V>> Writes<V> for A {}

macro_rules! borrowed {
    ($([$($g:tt)*] $owned:ty as $borrowed:ty),+ $(,)?) => {$(
        impl<$($g)*> Arg<$owned> for &$borrowed {}
        impl<$($g)*> Arg<Option<$owned>> for &$borrowed {}
        impl<$($g)*> Writes<Option<$owned>> for Option<&$borrowed> {}
    )+};
}
borrowed! {
    [] String as str,
    [] Box<str> as str,
    ['a] Cow<'a, str> as str,
    [] Vec<u8> as [u8],
    [] Box<[u8]> as [u8],
    ['a] Cow<'a, [u8]> as [u8],
    [] Bytes as [u8],
    [] Box<RawValue> as RawValue,
    [T: Element, U: Element + Arg<T> + Encode] Vec<T> as [U],
    [T: Element, U: Element + Arg<T> + Encode] Box<[T]> as [U],
    [T: Element, U: Element + Arg<T> + Encode, const N: usize] Vec<T> as [U; N],
    [const N: usize] Vec<u8> as [u8; N],
}

/// A value, or a tuple of values, that can stand for a key of the type `K`.
///
/// # Examples
/// ```
/// use pgrepo::KeyArg;
/// assert_eq!(KeyArg::<String>::values(&"EHAM").len(), 1);
/// assert_eq!(KeyArg::<(i32, String)>::values(&(7, "door")).len(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "a key of the type `{K}` cannot be asked for with `{Self}`",
    label = "expected a key of the type `{K}`"
)]
pub trait KeyArg<K> {
    /// The values in the order of the key's columns.
    fn values(&self) -> Vec<&(dyn AnyValue + Send + Sync)>;
}

impl<K: Encode, A: Arg<K> + Send + Sync> KeyArg<K> for A {
    fn values(&self) -> Vec<&(dyn AnyValue + Send + Sync)> {
        vec![self]
    }
}

macro_rules! tuples {
    ($($(($k:ident $a:ident $i:tt))+;)+) => {$(
        impl<$($k: Encode, $a: Arg<$k> + Send + Sync),+> KeyArg<($($k,)+)> for ($($a,)+) {
            fn values(&self) -> Vec<&(dyn AnyValue + Send + Sync)> {
                vec![$(&self.$i),+]
            }
        }
    )+};
}
tuples! {
    (K0 A0 0) (K1 A1 1);
    (K0 A0 0) (K1 A1 1) (K2 A2 2);
    (K0 A0 0) (K1 A1 1) (K2 A2 2) (K3 A3 3);
    (K0 A0 0) (K1 A1 1) (K2 A2 2) (K3 A3 3) (K4 A4 4);
}

#[cfg(test)]
mod tests {
    use crate::value::Json;

    use super::*;

    fn takes<V>(_: impl Arg<V>) {}

    #[test]
    fn what_stands_for_a_column() {
        takes::<i32>(1);
        takes::<Option<i32>>(&1);
        takes::<Option<i32>>(None::<i32>);
        takes::<String>("a");
        takes::<Option<String>>(None);
        takes::<Box<str>>("a");
        takes::<Cow<'static, str>>("a");
        takes::<Vec<u8>>(&[1_u8][..]);
        takes::<Vec<u8>>(b"abc");
        takes::<Option<Vec<u8>>>(&b"abc"[..]);
        takes::<Bytes>(&[1_u8][..]);
        takes::<Vec<String>>(&["a", "b"]);
        takes::<Vec<String>>(&["a".to_owned()][..]);
        takes::<Option<Vec<i64>>>(&[1_i64][..]);
        takes::<Vec<Option<i32>>>(&[Some(1), None][..]);
        takes::<Json<i32>>(Json(1));
        takes::<Vec<i64>>(vec![1]);
    }
}
