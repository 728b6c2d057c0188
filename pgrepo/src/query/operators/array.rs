use crate::query::Filter;
use crate::query::fragment::Fragment;
use crate::table::{Arg, Column};
use crate::value::Element;

use super::List;

/// A column's type that is an array: `Vec<E>`, `Box<[E]>`, `[E; N]`, and an `Option` of these; `Vec<u8>` is bytes and
/// none.
#[diagnostic::on_unimplemented(
    message = "this is for arrays, and the column is `{Self}`",
    label = "the column is `{Self}`",
    note = "a column of the type Vec<E>, or Option<Vec<E>>, is an array; of text, ask with `like` or `text_search`"
)]
pub trait IsArray {
    /// The type of its elements.
    type Item: Element;
}

impl<E: Element> IsArray for [E] {
    type Item = E;
}
impl<E: Element> IsArray for Vec<E> {
    type Item = E;
}
impl<E: Element> IsArray for Box<[E]> {
    type Item = E;
}
impl<E: Element, const N: usize> IsArray for [E; N] {
    type Item = E;
}
impl<V: IsArray + ?Sized> IsArray for &V {
    type Item = V::Item;
}
impl<V: IsArray> IsArray for Option<V> {
    type Item = V::Item;
}

/// Elements of arrays (<https://www.postgresql.org/docs/current/functions-array.html>). A NULL among the elements equals
/// nothing, and of a NULL instead of an array no row is found.
///
/// # Examples
/// ```
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "articles")]
/// # struct Article { tags: Vec<String>, scores: Option<Vec<i32>> }
/// let tagged = Article::TAGS.contains(["rust", "sql"]).and(Article::SCORES.any(5));
/// assert_eq!(format!("{tagged:?}"), r#"Filter(("tags" @> $1 AND $2 = ANY("scores")))"#);
/// ```
impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    fn compare_array<'q, A>(self, operator: &'static str, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: IsArray,
        A: Arg<V::Item> + Send + Sync + 'q,
    {
        Filter::one(self.fragment().text(operator).param(List::of(values)))
    }

    /// The array has all of the values, in any order and number; it always has all of none.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: Vec<String> }
    /// let both = Person::SKILLS.contains(["Python", "Rust"]);
    /// assert_eq!(format!("{both:?}"), r#"Filter("skills" @> $1)"#);
    /// ```
    pub fn contains<'q, A>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: IsArray,
        A: Arg<V::Item> + Send + Sync + 'q,
    {
        self.compare_array(" @> ", values)
    }

    /// The array has no element but these values; that is so of an empty one.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: Vec<String> }
    /// let no_other = Person::SKILLS.contained_by(["Python", "Rust"]);
    /// assert_eq!(format!("{no_other:?}"), r#"Filter("skills" <@ $1)"#);
    /// ```
    pub fn contained_by<'q, A>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: IsArray,
        A: Arg<V::Item> + Send + Sync + 'q,
    {
        self.compare_array(" <@ ", values)
    }

    /// The array has at least one of the values.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: Vec<String> }
    /// let either = Person::SKILLS.overlaps(["Python", "Rust"]);
    /// assert_eq!(format!("{either:?}"), r#"Filter("skills" && $1)"#);
    /// ```
    pub fn overlaps<'q, A>(self, values: impl IntoIterator<Item = A>) -> Filter<'q, T>
    where
        V: IsArray,
        A: Arg<V::Item> + Send + Sync + 'q,
    {
        self.compare_array(" && ", values)
    }

    /// The array has the value. An index on the column does not serve it;
    /// [`contains`](Self::contains) of the one value is served by a GIN index.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: Vec<String> }
    /// let python = Person::SKILLS.any("Python");
    /// assert_eq!(format!("{python:?}"), r#"Filter($1 = ANY("skills"))"#);
    /// ```
    pub fn any<'q, A>(self, value: A) -> Filter<'q, T>
    where
        V: IsArray,
        A: Arg<V::Item> + Send + Sync + 'q,
    {
        Filter::one(Fragment::default().param(value).text(" = ANY(").name(self.name()).text(")"))
    }

    /// The array has no elements; NULL instead of an array is something else.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { skills: Vec<String> }
    /// assert_eq!(format!("{:?}", Person::SKILLS.is_empty()), r#"Filter(cardinality("skills") = 0)"#);
    /// ```
    pub fn is_empty<'q>(self) -> Filter<'q, T>
    where
        V: IsArray,
    {
        Filter::one(Fragment::default().text("cardinality(").name(self.name()).text(") = 0"))
    }
}
