use std::error::Error as StdError;
use std::fmt;

use thiserror::Error;

/// Why a single value could not be written or read; one word wide.
///
/// It says nothing of where: the row, the field and the column are added by whoever knows them.
pub struct ValueError(Box<ValueErrorKind>);

/// The reasons for which a value cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// Text holds U+0000, which no text type of PostgreSQL can store.
    #[error("the text holds a NUL character at byte {at}, which PostgreSQL cannot store")]
    Nul {
        /// The byte offset of the first one.
        at: usize,
    },
    /// A field is limited to 1 GiB less one byte.
    #[error("the value takes {length} bytes and a field holds at most 1073741823")]
    TooLarge {
        /// How many bytes it takes.
        length: usize,
    },
    /// A row is limited to 1 GiB less one byte as well.
    #[error("the row takes {length} bytes and a row holds at most 1073741823")]
    RowTooLarge {
        /// How many bytes it takes.
        length: usize,
    },
    /// A NULL arrived for a type that is not an `Option`.
    #[error("the value is NULL and the type is not an Option")]
    UnexpectedNull,
    /// The body has another length than the type's.
    #[error("the value has {found} bytes where {expected} were expected")]
    Length {
        /// What the type takes.
        expected: usize,
        /// What arrived.
        found: usize,
    },
    /// The value is outside of what the other side can hold.
    #[error("{0}")]
    Range(String),
    /// The bytes are not a value of the type.
    #[error("{0}")]
    Invalid(String),
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8(#[source] std::str::Utf8Error),
    /// The JSON does not fit the Rust type.
    #[error("the JSON does not fit the Rust type")]
    Json(#[source] serde_json::Error),
    /// A value inside of the document does not fit the Rust type.
    #[error("the JSON does not fit the Rust type at {path}")]
    JsonAt {
        /// Where in the document: keys and indexes, as in `location.runways[0].surface`.
        path: String,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// The Rust value has no JSON form: a map's keys are no strings, or its `Serialize` refused.
    #[error("the value has no JSON form{}", path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default())]
    NoJson {
        /// Where in the value, if not as a whole: keys and indexes, as in `location.runways[0].surface`.
        path: Option<String>,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// A type that goes through sqlx's traits refused the value.
    #[error("the driver's own codec refused the value")]
    Driver(#[source] Box<dyn StdError + Send + Sync>),
}

impl ValueError {
    /// The reason.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{Encode, PgType, TypeInfo, ValueErrorKind};
    /// let error = "a\0b".encode(&TypeInfo::builtin(PgType::TEXT), &mut Vec::new()).unwrap_err();
    /// assert!(matches!(error.kind(), ValueErrorKind::Nul { at: 1 }));
    /// ```
    pub fn kind(&self) -> &ValueErrorKind {
        &self.0
    }
}

impl From<ValueErrorKind> for ValueError {
    #[cold]
    fn from(kind: ValueErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ValueError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
