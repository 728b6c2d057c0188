use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;

use super::CsvRows;

/// How CSV is read. The quotation mark is `"`, doubled inside of a quoted field; lines end by LF, CR LF or CR.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvOptions {
    /// What stands between fields. Default: a comma.
    pub delimiter: u8,
    /// Whether the first record names the columns. Default: yes.
    pub header: bool,
    /// The text that is NULL. Default: the empty one, which for a `String` is text all the same.
    pub null: String,
    /// Takes white space off both ends of names and values, inside of quotation marks too. Default: it is kept.
    pub trim: bool,
    /// Leaves out columns that the type does not read. Default: they are an error.
    pub ignore_unknown: bool,
    /// Lets fields be without a column: `None`, or what `#[serde(default)]` says. Default: they are an error.
    pub allow_missing: bool,
    /// The most bytes that the fields of one record may have together: more ends the rows, since most often a quotation
    /// mark is missing. Default: 16 MiB.
    pub max_record: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: true,
            null: String::new(),
            trim: false,
            ignore_unknown: false,
            allow_missing: false,
            max_record: 16 * 1024 * 1024,
        }
    }
}

/// Reads rows out of CSV with a header: see [`CsvOptions::read`].
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> pgrepo::Result<()> {
/// #[derive(serde::Deserialize)]
/// struct Point { x: i32, y: i32 }
///
/// let mut points = pgrepo::csv::read::<Point, _>(&b"y,x\n2,1\n"[..]);
/// let Some(Point { x: 1, y: 2 }) = points.next().await? else { unreachable!() };
/// # Ok(())
/// # }
/// ```
pub fn read<T: DeserializeOwned, R: AsyncRead>(reader: R) -> CsvRows<R, T> {
    CsvOptions::default().read(reader)
}

impl CsvOptions {
    /// Reads rows with these options, one at a time as they are asked for.
    ///
    /// A struct takes the header's columns by their names, in any order, as serde names its fields; a tuple by their
    /// places; a map takes all. Without a header a struct takes the values in the order of its fields. Memory is bounded
    /// by [`max_record`](Self::max_record), whatever the reader yields.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> pgrepo::Result<()> {
    /// use pgrepo::csv::CsvOptions;
    /// let options = CsvOptions::default().without_header().delimiter(b'\t').null("\\N");
    /// let mut rows = options.read::<(i32, Option<String>), _>(&b"1\t\\N\n2\t\n"[..]);
    /// assert_eq!(rows.next().await?, Some((1, None)));
    /// assert_eq!(rows.next().await?, Some((2, Some(String::new()))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read<T: DeserializeOwned, R: AsyncRead>(self, reader: R) -> CsvRows<R, T> {
        CsvRows::new(reader, self)
    }

    /// Separates fields by another byte: a semicolon, a tab. A quotation mark, the end of a line and what is not ASCII
    /// are refused when the first row is read.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::csv::CsvOptions::default().delimiter(b';').delimiter, b';');
    /// ```
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Takes the first record for a row like others.
    ///
    /// # Examples
    /// ```
    /// assert!(!pgrepo::csv::CsvOptions::default().without_header().header);
    /// ```
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// Takes this text for NULL, and the empty one for empty.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::csv::CsvOptions::default().null("NULL").null, "NULL");
    /// ```
    pub fn null(mut self, text: impl Into<String>) -> Self {
        self.null = text.into();
        self
    }

    /// Takes white space off both ends of names and values.
    ///
    /// # Examples
    /// ```
    /// assert!(pgrepo::csv::CsvOptions::default().trim().trim);
    /// ```
    pub fn trim(mut self) -> Self {
        self.trim = true;
        self
    }

    /// Leaves out columns that the type does not read.
    ///
    /// # Examples
    /// ```
    /// assert!(pgrepo::csv::CsvOptions::default().ignore_unknown().ignore_unknown);
    /// ```
    pub fn ignore_unknown(mut self) -> Self {
        self.ignore_unknown = true;
        self
    }

    /// Lets fields be without a column.
    ///
    /// A struct with `#[serde(alias)]` needs this: serde does not tell a field's other names from its own, so each of them
    /// counts as a field whose column is lacking. A field without any of its columns is then an error of the first row,
    /// unless it is an `Option` or has a default.
    ///
    /// # Examples
    /// ```
    /// assert!(pgrepo::csv::CsvOptions::default().allow_missing().allow_missing);
    /// ```
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// Bounds the bytes that the fields of one record may have together.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::csv::CsvOptions::default().max_record(4096).max_record, 4096);
    /// ```
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.max_record = bytes;
        self
    }

    /// The text of a field as it is read.
    pub(super) fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if self.trim { text.trim() } else { text }
    }
}
