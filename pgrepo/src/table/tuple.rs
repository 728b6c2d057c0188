//! Rows without a struct: a single value, and tuples of values, by the places of the columns.

use crate::value::Decode;

use super::{Cells, ColumnMeta, CopyOut, FieldError, Fields, FromRow, Spec};

/// A value as a column of a row without a struct: the type stands for a family, as in [`FromRow`].
///
/// Every type that reads without borrowing is its own family. Those that borrow are `&str`, `&[u8]`, and
/// `&RawValue`; an `Option` of these needs a struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of a row without a struct",
    label = "not a value that owns its data, nor `&str`, `&[u8]` or `&RawValue`"
)]
pub trait FromCell {
    /// The value that borrows from a buffer of the life `'r`.
    type Value<'r>: Decode<'r>;
    /// The column: it has no name but its type's.
    const COLUMN: ColumnMeta;
}

impl<V> FromCell for V
where
    V: for<'r> Decode<'r>,
{
    type Value<'r> = V;
    const COLUMN: ColumnMeta = ColumnMeta::of::<V>(Spec::new("", "", ""));
}

macro_rules! borrowed {
    ($($value:ty),+) => {$(
        impl FromCell for &'static $value {
            type Value<'r> = &'r $value;
            const COLUMN: ColumnMeta = ColumnMeta::of::<$value>(Spec::new("", "", concat!("&", stringify!($value))));
        }
    )+};
}
borrowed!(str, [u8], serde_json::value::RawValue);

#[diagnostic::do_not_recommend]
impl<V: FromCell> CopyOut for V {}

/// The only column's value.
impl<V: FromCell> FromRow for V {
    type Row<'r> = V::Value<'r>;
    const FIELDS: Fields = Fields::Positional(&[V::COLUMN]);

    #[inline]
    fn from_row<'r, C: Cells<'r>>(cells: &mut C) -> Result<V::Value<'r>, FieldError> {
        cells.next()
    }
}

macro_rules! tuples {
    ($($($v:ident)+;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($v: FromCell),+> CopyOut for ($($v,)+) {}

        impl<$($v: FromCell),+> FromRow for ($($v,)+) {
            type Row<'r> = ($($v::Value<'r>,)+);
            const FIELDS: Fields = Fields::Positional(&[$($v::COLUMN),+]);

            #[inline]
            fn from_row<'r, From: Cells<'r>>(cells: &mut From) -> Result<Self::Row<'r>, FieldError> {
                Ok(($(cells.next::<$v::Value<'r>>()?,)+))
            }
        }
    )+};
}
tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
    A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N;
    A B C D E F G H I J K L M N O;
    A B C D E F G H I J K L M N O P;
}

#[cfg(test)]
mod tests {
    use crate::copy::frame::decode_row;
    use crate::table::OwnedRow;
    use crate::value::{Encode, Json, PgType, TypeInfo, Value};

    use super::*;

    fn owned<T: OwnedRow>(tuple: &[u8], types: &[TypeInfo]) -> Result<T, FieldError> {
        decode_row::<T>(tuple, types)
    }

    #[test]
    fn by_place() {
        let types = [TypeInfo::builtin(PgType::INT4), TypeInfo::builtin(PgType::TEXT)];
        let mut tuple = Vec::new();
        7.encode(&types[0], &mut tuple).unwrap();
        "Ann".encode(&types[1], &mut tuple).unwrap();
        assert_eq!(owned::<i32>(&tuple, &types).unwrap(), 7);
        assert_eq!(owned::<(i32, String)>(&tuple, &types).unwrap(), (7, "Ann".to_owned()));
        assert_eq!(owned::<(Value, Option<Value>)>(&tuple, &types).unwrap().1, Some("Ann".into()));
        assert_eq!(decode_row::<(i32, &str)>(&tuple, &types).unwrap(), (7, "Ann"));
        assert_eq!(decode_row::<(i32, &[u8])>(&tuple, &types).unwrap(), (7, &b"Ann"[..]));
        let error = owned::<(i32, i64)>(&tuple, &types).unwrap_err();
        assert_eq!(error.index, 1);
        let error = owned::<(i32, String, bool)>(&tuple, &types).unwrap_err();
        assert_eq!(error.index, 2);
    }

    #[test]
    fn columns() {
        let fields = <(i64, Option<Vec<String>>, Json<Vec<i32>>) as FromRow>::FIELDS;
        assert!(matches!(fields, Fields::Positional([_, _, _])));
        assert!(fields.columns()[1].nullable && fields.columns()[1].array);
        assert_eq!(fields.columns()[0].rust_type(), "i64");
        assert_eq!(<&str as FromRow>::FIELDS.columns()[0].rust_type(), "&str");
    }
}
