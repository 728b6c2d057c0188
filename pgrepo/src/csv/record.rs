//! One record of CSV as serde's input, and what a type asks of records before there is one.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::value::{Field, Misfit};

/// What a type reads a record as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A struct with these fields.
    Struct(&'static [&'static str]),
    /// So many values, by their places.
    Tuple(usize),
    /// Whatever there is.
    Any,
}

impl Shape {
    /// Asks the type, which is read from nothing and fails.
    pub(super) fn of<T: DeserializeOwned>() -> Self {
        let mut shape = Self::Any;
        let _nothing = T::deserialize(Probe(&mut shape));
        shape
    }
}

/// Finds out what is asked for, and yields nothing.
struct Probe<'s>(&'s mut Shape);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::new("there is nothing yet"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        *self.0 = Shape::Struct(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        *self.0 = Shape::Tuple(length);
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        map enum identifier ignored_any
    }
}

/// A column as the header names it.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Whether it is read.
    pub(super) read: bool,
}

/// The texts of a record.
pub(super) trait Texts {
    /// How many there are.
    fn count(&self) -> usize;

    /// The text of a field.
    fn text(&self, field: usize) -> Result<&str, Misfit>;
}

/// A record under way: its fields, and which is read now.
pub(super) struct Record<'r> {
    pub(super) texts: &'r dyn Texts,
    /// The columns that the header names, if there is one.
    pub(super) columns: Option<&'r [Column]>,
    pub(super) null: &'r str,
    /// The field that is read, from 0.
    pub(super) at: usize,
}

impl<'r> Record<'r> {
    fn field(&self) -> Result<Field<'r>, Misfit> {
        Ok(Field::new(self.texts.text(self.at)?, Some(self.null)))
    }

    /// The next column that is read.
    fn column(&mut self) -> Option<&'r str> {
        loop {
            let column = self.columns?.get(self.at)?;
            if column.read {
                return Some(&column.name);
            }
            self.at += 1;
        }
    }
}

impl<'de> Deserializer<'de> for &mut Record<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.columns.is_some() { visitor.visit_map(self) } else { self.deserialize_seq(visitor) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = visitor.visit_seq(&mut *self)?;
        let (has, read) = (self.texts.count(), self.at);
        if has == read {
            return Ok(value);
        }
        Err(Misfit::new(format_args!("the record has {has} fields where {read} are read")))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.columns.is_some() {
            visitor.visit_map(self)
        } else {
            Err(Misfit::new("a map needs the names of a header"))
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Record<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.column().map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let value = seed.deserialize(self.field()?)?;
        self.at += 1;
        Ok(value)
    }
}

impl<'de> SeqAccess<'de> for Record<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        if self.at == self.texts.count() {
            return Ok(None);
        }
        let value = seed.deserialize(self.field()?)?;
        self.at += 1;
        Ok(Some(value))
    }
}
