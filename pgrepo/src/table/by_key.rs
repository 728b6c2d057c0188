use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;

use crate::value::{AnyValue, Encode, PgType, SqlType, TypeInfo, ValueError, ValueErrorKind};

use super::{ColumnMeta, FieldError, FieldWriter, KeyArg, PrimaryKey, Set, WriteFields, WriteRow};

/// The key of a row of the table `T`, as a row that sends its key's columns only: what is sent of each key by
/// [`Repository::delete_many`](crate::Repository::delete_many), and comes back of one that is
/// [rejected](crate::DeleteMany::tolerant).
#[derive(Serialize)]
#[serde(transparent)]
pub struct ByKey<T, K> {
    /// The key: a value, or a tuple of them in the order of the fields.
    pub key: K,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T, K> ByKey<T, K> {
    pub(crate) fn new(key: K) -> Self {
        Self { key, of: PhantomData }
    }
}

impl<T, K: Clone> Clone for ByKey<T, K> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

impl<T, K: Copy> Copy for ByKey<T, K> {}

impl<T, K: fmt::Debug> fmt::Debug for ByKey<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").field("key", &self.key).finish()
    }
}

impl<T: PrimaryKey + WriteRow, K: KeyArg<T::Key>> WriteFields for ByKey<T, K> {
    const COLUMNS: &'static [ColumnMeta] = <T as WriteFields>::COLUMNS;

    fn write_fields<W: FieldWriter>(&self, writer: &mut W) -> Result<(), FieldError> {
        let mut values = self.key.values().into_iter();
        for meta in Self::COLUMNS {
            match meta.spec.primary_key.then(|| values.next()).flatten() {
                Some(value) => writer.field(&KeyValue(value))?,
                None => writer.set(&Set::<bool>::Server)?,
            }
        }
        Ok(())
    }
}

impl<T: PrimaryKey + WriteRow, K: KeyArg<T::Key>> WriteRow for ByKey<T, K> {
    type Table = T;
}

/// A key's value, which says only when it is written which types it fits.
struct KeyValue<'a>(&'a (dyn AnyValue + Send + Sync));

impl SqlType for KeyValue<'_> {
    const TYPES: &'static [PgType] = &[];

    fn accepts(_: &TypeInfo) -> bool {
        true
    }
}

impl Encode for KeyValue<'_> {
    fn encode(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if !self.0.accepts(ty) {
            let reason = format!("the key's column is {ty} and the value is a `{}`", self.0.rust_type());
            return Err(ValueErrorKind::Range(reason).into());
        }
        self.0.encode_any(ty, out)
    }

    fn is_null(&self) -> bool {
        self.0.is_null()
    }
}
