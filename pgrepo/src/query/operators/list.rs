use std::any::type_name;

use crate::value::{AnyValue, TypeInfo, ValueError, element_of, put_items};

/// Values of one type that are bound together, as one array.
pub(super) struct List<A> {
    values: Vec<A>,
}

impl<A: AnyValue> List<A> {
    /// All of them.
    pub(super) fn of(values: impl IntoIterator<Item = A>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// Those that are not NULL, and whether there were others.
    pub(super) fn without_nulls(values: impl IntoIterator<Item = A>) -> (Self, bool) {
        let mut nulls = false;
        let given = values.into_iter().filter(|value| {
            nulls |= value.is_null();
            !value.is_null()
        });
        let list = Self::of(given);
        (list, nulls)
    }
}

impl<A: AnyValue> AnyValue for List<A> {
    fn accepts(&self, ty: &TypeInfo) -> bool {
        // What a value accepts depends on its type alone, and they are of one.
        ty.element().is_some_and(|element| self.values.first().is_none_or(|value| value.accepts(element)))
    }

    fn encode_any(&self, ty: &TypeInfo, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let element = element_of(ty)?;
        put_items(&self.values, true, element, out, |value, out| value.encode_any(element, out))
    }

    fn is_null(&self) -> bool {
        false
    }

    fn rust_type(&self) -> &'static str {
        type_name::<Vec<A>>()
    }

    fn sql_type(&self) -> Option<String> {
        self.values.first().and_then(AnyValue::sql_type).map(|element| format!("{element}[]"))
    }
}

#[cfg(test)]
mod tests {
    use crate::value::{PgType, TypeKind};

    use super::*;

    fn array(element: PgType) -> TypeInfo {
        TypeInfo::new(1, format!("{element}[]"), TypeKind::Array(TypeInfo::builtin(element).into()))
    }

    #[test]
    fn it_goes_as_an_array_does() {
        let ty = array(PgType::INT4);
        let values = [Some(1), None, Some(3)];
        let (mut list, mut plain) = (Vec::new(), Vec::new());
        List::of(values).encode_any(&ty, &mut list).unwrap();
        crate::value::Encode::encode(&values, &ty, &mut plain).unwrap();
        assert_eq!(list, plain);
        let (list, nulls) = List::without_nulls(values);
        let mut given = Vec::new();
        list.encode_any(&ty, &mut given).unwrap();
        plain.clear();
        crate::value::Encode::encode(&[1, 3], &ty, &mut plain).unwrap();
        assert_eq!((given, nulls), (plain, true));
    }

    #[test]
    fn its_values_say_what_it_fits() {
        let list = List::of([1, 2]);
        assert!(list.accepts(&array(PgType::INT4)));
        assert!(!list.accepts(&array(PgType::INT8)) && !list.accepts(&TypeInfo::builtin(PgType::INT4)));
        assert_eq!(list.sql_type().as_deref(), Some("int4[]"));
        let empty = List::<i32>::of([]);
        assert!(empty.accepts(&array(PgType::INT8)) && empty.sql_type().is_none());
    }
}
