//! The indexes that serve the conditions and orders on paths.

use crate::query::Fragment;
use crate::table::{Column, IndexMeta, MAX_IDENTIFIER, PgTable, Place, quote_ident};

use super::leaf::JsonIndexed;
use super::path::JsonPath;
use super::shape::{JsonColumn, JsonMap};
use super::sql::written;
use super::step::JsonStep;

impl<T: PgTable + ?Sized, C: JsonColumn, W> Column<T, C, W> {
    /// The statement that makes the index for equality, containment and membership at any path into the column.
    ///
    /// It is of the class `jsonb_path_ops`, which is smaller and faster than `jsonb_ops` and serves the same of these;
    /// key tests ask for one of `jsonb_ops`, which [`key_index_ddl`](JsonPath::key_index_ddl) makes
    /// (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING>).
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "airports")]
    /// # struct Airport { location: serde_json::Value }
    /// assert_eq!(
    ///     Airport::LOCATION.gin_index_ddl(),
    ///     r#"CREATE INDEX "airports_location_gin" ON "airports" USING gin ("location" jsonb_path_ops)"#,
    /// );
    /// ```
    pub fn gin_index_ddl(self) -> String {
        ddl::<T>(&self.gin_index_meta())
    }

    fn gin_index_meta(self) -> IndexMeta {
        let column = self.name().to_string();
        let name = index_name(&[T::TABLE.name, &column, "gin"]);
        IndexMeta::new(name, format!("USING gin ({} jsonb_path_ops)", quote_ident(&column)))
    }
}

impl<T: PgTable + ?Sized, V: ?Sized, W> JsonPath<T, V, W> {
    /// The statement that makes the index for comparisons by size and for sorting by the value.
    ///
    /// The server uses it after `ANALYZE` has told it about the values.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { profile: pgrepo::Json<std::collections::BTreeMap<String, String>> }
    /// assert_eq!(
    ///     Person::PROFILE.document().key("city").index_ddl(),
    ///     r#"CREATE INDEX "people_profile_city_idx" ON "people" ((("profile" ->> 'city')))"#,
    /// );
    /// ```
    pub fn index_ddl(&self) -> String
    where
        V: JsonIndexed,
    {
        ddl::<T>(&self.index_meta())
    }

    fn index_meta(&self) -> IndexMeta
    where
        V: JsonIndexed,
    {
        IndexMeta::new(self.index_name("idx"), format!("(({}))", written(&self.typed())))
    }

    /// The statement that makes the index for key tests at this path: [`has_key`](Self::has_key) and the like.
    ///
    /// It is of the class `jsonb_ops`, which holds keys beside values
    /// (<https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING>); that of the whole document also
    /// serves what [`gin_index_ddl`](Column::gin_index_ddl) makes one for.
    ///
    /// # Examples
    /// ```
    /// # #[derive(pgrepo::PgTable)]
    /// # #[pg(table = "people")]
    /// # struct Person { profile: pgrepo::Json<std::collections::BTreeMap<String, serde_json::Value>> }
    /// assert_eq!(
    ///     Person::PROFILE.document().key("settings").key_index_ddl(),
    ///     r#"CREATE INDEX "people_profile_settings_keys" ON "people" USING gin (("profile" -> 'settings'))"#,
    /// );
    /// ```
    pub fn key_index_ddl(&self) -> String
    where
        V: JsonMap,
    {
        let value = written(&self.value(Fragment::default()));
        ddl::<T>(&IndexMeta::new(self.index_name("keys"), format!("USING gin ({value})")))
    }

    /// A name made of the table's, the column's and the path's.
    fn index_name(&self, end: &str) -> String {
        let column = self.column.to_string();
        let steps = self.steps.all().iter().map(|step| match step {
            JsonStep::Key(key) => (*key).to_owned(),
            JsonStep::Index(index) => index.to_string(),
        });
        let steps: Vec<String> = steps.collect();
        let mut words = vec![T::TABLE.name, &column];
        words.extend(steps.iter().map(String::as_str));
        words.push(end);
        index_name(&words)
    }
}

/// What [`Column::gin_index_ddl`] makes, for the table's description.
#[doc(hidden)]
pub fn document_index<T: PgTable + ?Sized, C: JsonColumn, W>(column: Column<T, C, W>) -> IndexMeta {
    column.gin_index_meta()
}

/// What [`JsonPath::index_ddl`] makes, for the table's description.
#[doc(hidden)]
pub fn path_index<T: PgTable + ?Sized, V: JsonIndexed + ?Sized, W>(path: JsonPath<T, V, W>) -> IndexMeta {
    path.index_meta()
}

/// The statement that makes an index.
fn ddl<T: PgTable + ?Sized>(index: &IndexMeta) -> String {
    index.ddl(&Place::of::<T>(None).quoted())
}

/// A name made of words. One that is too long is cut, and ends in a number that its whole text makes.
fn index_name(words: &[&str]) -> String {
    let whole = words.join("_").replace('\0', "");
    if whole.len() <= MAX_IDENTIFIER {
        return whole;
    }
    // FNV-1a: the same in each build, so that the name is.
    let hash = whole.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let room = MAX_IDENTIFIER - "_00000000".len();
    let cut = whole.floor_char_boundary(room);
    format!("{}_{hash:08x}", whole.get(..cut).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_are_cut_and_stay_apart() {
        assert_eq!(index_name(&["a", "b\"c", "idx"]), "a_b\"c_idx");
        let [a, b] = ["a", "b"].map(|end| index_name(&[&"é".repeat(40), end]));
        assert_ne!(a, b);
        assert!(a.len() <= MAX_IDENTIFIER, "{a}");
    }
}
