use super::{Encode, SqlType, TypeInfo, ValueError};

/// A value whose type is not named: what a parameter list holds.
///
/// Implemented for every [`Encode`] type.
///
/// # Examples
/// ```
/// use pgrepo::value::{AnyValue, PgType, TypeInfo};
/// let (int4, ann): (_, &dyn AnyValue) = (TypeInfo::builtin(PgType::INT4), &"Ann");
/// assert!(!ann.accepts(&int4) && !ann.is_null());
/// assert_eq!(ann.sql_type().as_deref(), Some("text"));
/// ```
pub trait AnyValue {
    /// Says whether a parameter of the type `ty` can hold this value.
    fn accepts(&self, ty: &TypeInfo) -> bool;
    /// Appends the field, as [`Encode::encode`].
    ///
    /// # Errors
    /// As [`Encode::encode`].
    fn encode_any(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError>;
    /// Whether the value goes as NULL.
    fn is_null(&self) -> bool;
    /// The Rust type, for messages.
    fn rust_type(&self) -> &'static str;
    /// The SQL type that the Rust type stands for, for messages; `None` where that is known on the server only.
    fn sql_type(&self) -> Option<String>;
}

impl<V: Encode + ?Sized> AnyValue for V {
    fn accepts(&self, ty: &TypeInfo) -> bool {
        V::accepts(ty)
    }

    fn encode_any(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.encode(ty, out)
    }

    fn is_null(&self) -> bool {
        Encode::is_null(self)
    }

    fn rust_type(&self) -> &'static str {
        std::any::type_name::<V>()
    }

    fn sql_type(&self) -> Option<String> {
        (!V::TYPES.is_empty()).then(sql_type_name::<V>)
    }
}

/// The SQL type that `V` stands for, as a declaration writes it.
///
/// # Examples
/// ```
/// assert_eq!(pgrepo::value::sql_type_name::<Vec<i64>>(), "int8[]");
/// ```
pub fn sql_type_name<V: SqlType + ?Sized>() -> String {
    let name = V::TYPES.first().map_or("?", |t| t.name);
    if V::ARRAY { format!("{name}[]") } else { name.to_owned() }
}
