use std::borrow::Cow;

use crate::query::Filter;
use crate::query::fragment::Fragment;
use crate::table::{Arg, Column};

use super::TextRank;

/// A column's type that is text: `String`, `&str`, `Cow<str>`, `Box<str>`, an `Option` of these, and a newtype around
/// one of them.
#[diagnostic::on_unimplemented(
    message = "this is for text, and the column is `{Self}`",
    label = "the column is `{Self}`",
    note = "patterns, prefixes and text search are for columns of text; compare others with `eq`, `lt`, `between` or `in_`"
)]
pub trait IsText {}

impl IsText for str {}
impl IsText for String {}
impl IsText for Box<str> {}
impl IsText for Cow<'_, str> {}
impl<V: IsText + ?Sized> IsText for &V {}
impl<V: IsText> IsText for Option<V> {}

/// [`IsText`], asked for where it is used and not where a newtype is derived.
#[diagnostic::on_unimplemented(message = "`{Self}` is not text", label = "not text")]
pub trait IsTextFor<'c> {}

impl<V: IsText> IsTextFor<'_> for V {}

/// Patterns, prefixes and words of text.
///
/// # Examples
/// ```
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "articles")]
/// # struct Article { title: String, body: Option<String> }
/// let named = Article::TITLE.ilike("%postgres%").or(Article::TITLE.starts_with("100%"));
/// let found = Article::BODY.text_search("english", "index -bitmap").and(named);
/// assert_eq!(
///     format!("{found:?}"),
///     r#"Filter((to_tsvector('english', "body") @@ websearch_to_tsquery('english', $1) AND ("title" ILIKE $2 OR "title" ^@ $3)))"#
/// );
/// ```
impl<T: ?Sized, V: ?Sized, W> Column<T, V, W> {
    fn pattern<'q>(self, operator: &'static str, pattern: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T> {
        Filter::one(self.fragment().text(operator).param(pattern))
    }

    /// The text matches the pattern, in which `%` stands for any text and `_` for any character; a backslash before
    /// one of them takes it as it is (<https://www.postgresql.org/docs/current/functions-matching.html>).
    ///
    /// The whole text has to match. NULL does not.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ICAO.like("EH%")), r#"Filter("icao" LIKE $1)"#);
    /// ```
    pub fn like<'q>(self, pattern: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        self.pattern(" LIKE ", pattern)
    }

    /// The text does not match the pattern of [`like`](Self::like), and is not NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ICAO.not_like("EH%")), r#"Filter("icao" NOT LIKE $1)"#);
    /// ```
    pub fn not_like<'q>(self, pattern: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        self.pattern(" NOT LIKE ", pattern)
    }

    /// The text matches the pattern of [`like`](Self::like), whether letters are great or small. NULL does not.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.ilike("la %")), r#"Filter("city" ILIKE $1)"#);
    /// ```
    pub fn ilike<'q>(self, pattern: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        self.pattern(" ILIKE ", pattern)
    }

    /// The text does not match the pattern of [`ilike`](Self::ilike), and is not NULL.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::CITY.not_ilike("la %")), r#"Filter("city" NOT ILIKE $1)"#);
    /// ```
    pub fn not_ilike<'q>(self, pattern: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        self.pattern(" NOT ILIKE ", pattern)
    }

    /// The text begins with this one, which is no pattern: `%` and `_` stand for themselves. NULL does not.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// assert_eq!(format!("{:?}", Airport::ICAO.starts_with("EH")), r#"Filter("icao" ^@ $1)"#);
    /// ```
    pub fn starts_with<'q>(self, prefix: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        self.pattern(" ^@ ", prefix)
    }

    /// The text has the words that are asked for as one asks a search engine: `"exact words"`, `or`, `-without`
    /// (<https://www.postgresql.org/docs/current/textsearch-controls.html>). No query is wrong. NULL is not found.
    ///
    /// The language is the name of a text search configuration, such as `english` or `simple`. It stands in the
    /// statement, so that an index on `to_tsvector('english', column)` serves it.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { #[pg(primary_key)] icao: String, city: Option<String>, elevation_ft: f64 }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let found = db.repository::<Airport>().find(Airport::CITY.text_search("english", "alto -\"la paz\""));
    /// let airports = found.fetch_all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn text_search<'q>(self, language: &str, query: impl Arg<String> + Send + Sync + 'q) -> Filter<'q, T>
    where
        V: IsText,
    {
        let vector = self.vector(Fragment::default(), language);
        Filter::one(words(vector.text(" @@ "), language, query))
    }

    /// How well the text has the words that [`text_search`](Self::text_search) finds, to sort by: the best first by
    /// `desc()`. Of NULL it is NULL.
    ///
    /// # Examples
    /// ```no_run
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "articles")]
    /// # struct Article { title: String, body: String }
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let best = db
    ///     .repository::<Article>()
    ///     .find(Article::BODY.text_search("english", "index"))
    ///     .order_by(Article::BODY.text_rank("english", "index").desc())
    ///     .limit(10)
    ///     .fetch_all()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn text_rank<'q>(self, language: &str, query: impl Arg<String> + Send + Sync + 'q) -> TextRank<'q, T>
    where
        V: IsText,
    {
        let vector = self.vector(Fragment::default().text("ts_rank("), language);
        TextRank::new(words(vector.text(", "), language, query).text(")"))
    }

    /// Appends the words of the column.
    fn vector<'q>(self, fragment: Fragment<'q>, language: &str) -> Fragment<'q> {
        configured(fragment.text("to_tsvector("), language).text(", ").name(self.name()).text(")")
    }
}

/// Appends the words that are asked for.
fn words<'q>(fragment: Fragment<'q>, language: &str, query: impl Arg<String> + Send + Sync + 'q) -> Fragment<'q> {
    configured(fragment.text("websearch_to_tsquery("), language).text(", ").param(query).text(")")
}

/// Appends a text search configuration: a usual name as a literal, which an index needs, any other as a value.
fn configured<'q>(fragment: Fragment<'q>, language: &str) -> Fragment<'q> {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if language.chars().all(usual) {
        fragment.text(format!("'{language}'"))
    } else {
        fragment.param(language.to_owned()).text("::text::regconfig")
    }
}
