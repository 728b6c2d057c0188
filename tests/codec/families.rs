//! Row types of another crate stand beside the library's single values and tuples.

use pgrepo::copy::frame::decode_row;
use pgrepo::table::{Cells, ColumnMeta, FieldError, Spec};
use pgrepo::{Decode, Element, Encode, Fields, FromRow, OwnedRow, PgType, SqlType, TypeInfo, ValueError};

/// A value type, generic as a derived newtype may be.
#[derive(Debug, PartialEq)]
struct Id<T>(T);

impl<T: SqlType> SqlType for Id<T> {
    const TYPES: &'static [PgType] = T::TYPES;
}

impl<T> Element for Id<T> {}

impl<T: Encode> Encode for Id<T> {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.0.encode(ty, out)
    }
}

impl<'r, T: Decode<'r>> Decode<'r> for Id<T> {
    fn decode(ty: &TypeInfo, body: &'r [u8]) -> Result<Self, ValueError> {
        T::decode(ty, body).map(Self)
    }
}

/// A row type, generic as a derived struct may be.
#[derive(Debug, PartialEq)]
struct Only<T>(T);

impl<T: for<'r> Decode<'r>> FromRow for Only<T> {
    type Row<'r> = Self;
    const FIELDS: Fields = Fields::Positional(&[ColumnMeta::of::<T>(Spec::new("only", "only", "T"))]);

    fn from_row<'r, C: Cells<'r>>(cells: &mut C) -> Result<Self, FieldError> {
        cells.next().map(Self)
    }
}

fn read<T: OwnedRow>(value: &(impl Encode + ?Sized), ty: &TypeInfo) -> T {
    let mut tuple = Vec::new();
    value.encode(ty, &mut tuple).unwrap();
    decode_row::<T>(&tuple, std::slice::from_ref(ty)).unwrap()
}

#[test]
fn values_tuples_and_structs() {
    let ty = TypeInfo::builtin(PgType::INT8);
    assert_eq!(read::<i64>(&7_i64, &ty), 7);
    assert_eq!(read::<Id<i64>>(&7_i64, &ty), Id(7));
    assert_eq!(read::<Only<i64>>(&Id(7_i64), &ty), Only(7));
    assert_eq!(read::<Only<Id<i64>>>(&7_i64, &ty), Only(Id(7)));
    assert_eq!(read::<(Option<Id<i64>>,)>(&7_i64, &ty), (Some(Id(7)),));
    let array = tests::hostile::array_of(ty);
    assert_eq!(read::<Vec<Id<i64>>>(&[Id(7_i64)], &array), [Id(7)]);
}
