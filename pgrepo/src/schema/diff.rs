//! How a struct and its table differ.

use std::fmt;

/// One difference between a struct and its table.
///
/// It is shown like a compiler's message: what is wrong, where in the struct, what it breaks, and the DDL that mends it.
///
/// # Examples
/// ```no_run
/// # use pgrepo::{Db, PgTable};
/// # #[derive(PgTable)]
/// # #[pg(table = "users")]
/// # struct User { email: String }
/// # async fn example(db: &Db) -> pgrepo::Result<()> {
/// for difference in db.verify::<User>().await?.differences() {
///     // error[column-missing]: the table users has no column "email"
///     //   --> User.email: String
///     //    = note: breaks reading and writing
///     //    = help: ALTER TABLE "users" ADD COLUMN "email" text NOT NULL;
///     println!("{difference}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What differs, with both sides.
    pub kind: DifferenceKind,
    /// What it breaks.
    pub severity: Severity,
    /// The table's name with its schema, as the struct writes it.
    pub table: String,
    /// The struct's name.
    pub rust_type: String,
    /// The field, where it is one field's.
    pub field: Option<String>,
    /// The field's type, as the source writes it.
    pub field_type: Option<String>,
    /// The column, where it is one column's.
    pub column: Option<String>,
    pub(super) mend: Mend,
}

/// The statements that mend a difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mend {
    /// In order.
    pub(super) statements: Vec<String>,
    /// What they do by which values may be lost.
    pub(super) loses: Option<&'static str>,
    /// What to do where no statement is known.
    pub(super) advice: Option<String>,
}

/// What a difference breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Neither loads nor reads notice, or only for what the table holds beside the struct.
    Differs,
    /// What goes by a key or a unique set is refused, since it is none: upserts, merges, updates and deletions of many rows
    /// by it. Loads and reads go on.
    BreaksUpserts,
    /// A load is refused before its first byte, or the server refuses some rows; reads go on.
    BreaksWriting,
    /// A read is refused, or fails at some rows; loads go on.
    BreaksReading,
    /// Both.
    BreaksBoth,
}

impl Severity {
    /// Whether reads are refused, or fail at some rows.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Severity;
    /// assert!(Severity::BreaksBoth.breaks_reading() && !Severity::BreaksWriting.breaks_reading());
    /// ```
    pub const fn breaks_reading(self) -> bool {
        matches!(self, Self::BreaksReading | Self::BreaksBoth)
    }

    /// Whether loads are refused, or the server refuses some rows; upserts alone are none.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Severity;
    /// assert!(Severity::BreaksBoth.breaks_writing() && !Severity::Differs.breaks_writing());
    /// ```
    pub const fn breaks_writing(self) -> bool {
        matches!(self, Self::BreaksWriting | Self::BreaksBoth)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Differs => "breaks neither loads nor reads",
            Self::BreaksUpserts => "breaks upserts, and what else goes by it",
            Self::BreaksWriting => "breaks writing",
            Self::BreaksReading => "breaks reading",
            Self::BreaksBoth => "breaks reading and writing",
        })
    }
}

/// Who fills in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FilledBy {
    /// Whoever writes the row; the server has only NULL.
    Writer,
    /// The server by a default, unless the writer does.
    DefaultValue,
    /// The server by numbers, unless the writer does.
    Identity,
    /// The server by numbers, always (`GENERATED ALWAYS AS IDENTITY`).
    IdentityAlways,
    /// The server, which computes it from other columns.
    Generated,
}

impl fmt::Display for FilledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writer => "filled in by who writes the row",
            Self::DefaultValue => "filled in by a default",
            Self::Identity => "numbered by the server",
            Self::IdentityAlways => "always numbered by the server",
            Self::Generated => "computed by the server",
        })
    }
}

/// What differs; `declared` is the struct's side and `found` the table's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// There is no such table.
    TableMissing,
    /// It is a view that takes no rows, such as a materialised one, and the struct is not read only.
    TakesNoRows,
    /// The table has no such column.
    ColumnMissing {
        /// The type that the field stands for.
        declared: String,
    },
    /// The struct has no field for a column.
    ColumnExtra {
        /// The column's type.
        found: String,
        /// Whether it takes no NULL and the server does not fill it in, so that no row can be written without it.
        required: bool,
    },
    /// The field cannot hold the column's values: COPY and queries refuse it.
    Type {
        /// The type that the field stands for.
        declared: String,
        /// The column's type.
        found: String,
    },
    /// The field can hold the column's values, and the struct declares another type: `json` where the field stands for
    /// `jsonb`, the domain that a newtype names, `#[pg(sql_type = "…")]`, or that with another limit.
    DeclaredType {
        /// The type that is declared.
        declared: String,
        /// The column's type.
        found: String,
    },
    /// The column may hold NULL and the field cannot.
    Nullable,
    /// The field may be `None` and the column takes no NULL.
    NotNull,
    /// The column is filled in by somebody else.
    Filled {
        /// By whom the struct has it filled in.
        declared: FilledBy,
        /// By whom it is.
        found: FilledBy,
    },
    /// The primary key is of other columns.
    Key {
        /// The columns of the struct's.
        declared: Vec<String>,
        /// The columns of the table's; none if it has no key.
        found: Vec<String>,
    },
    /// No unique constraint or index is of exactly these columns.
    UniqueMissing {
        /// The columns.
        declared: Vec<String>,
    },
    /// The key or a unique set is there under another name than the declared one, by which violations are recognised.
    ConstraintName {
        /// The name that is declared.
        declared: String,
        /// The name that it has.
        found: String,
    },
    /// The key or a unique set is deferrable, which ON CONFLICT does not take: upserts and merges are refused.
    Deferrable {
        /// Its name.
        name: String,
    },
    /// No check constraint, foreign key or exclusion constraint has the name.
    ConstraintMissing {
        /// The name that is declared.
        declared: String,
        /// Which of these it is.
        what: &'static str,
    },
    /// The enum in the database lacks a label.
    LabelMissing {
        /// The enum in the database.
        of: String,
        /// The label of the Rust enum.
        declared: String,
    },
    /// The enum in the database has a label that the Rust enum lacks.
    LabelExtra {
        /// The enum in the database.
        of: String,
        /// The label of the database's.
        found: String,
    },
    /// The labels that both have are in another order, which the server compares and sorts by.
    LabelOrder {
        /// The enum in the database.
        of: String,
        /// In the order of the variants.
        declared: Vec<String>,
        /// In the database's order.
        found: Vec<String>,
    },
    /// A declared index is not there, or cannot be used.
    IndexMissing {
        /// Its name.
        declared: String,
        /// What an index of this name is of, from its method on, if there is one that can be used.
        found: Option<String>,
    },
}

impl DifferenceKind {
    /// A short name, as it is shown in brackets.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(pgrepo::DifferenceKind::TableMissing.code(), "table-missing");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TableMissing => "table-missing",
            Self::TakesNoRows => "takes-no-rows",
            Self::ColumnMissing { .. } => "column-missing",
            Self::ColumnExtra { .. } => "column-extra",
            Self::Type { .. } => "type",
            Self::DeclaredType { .. } => "declared-type",
            Self::Nullable => "nullable",
            Self::NotNull => "not-null",
            Self::Filled { .. } => "filled-by",
            Self::Key { .. } => "primary-key",
            Self::UniqueMissing { .. } => "unique-missing",
            Self::ConstraintName { .. } => "constraint-name",
            Self::Deferrable { .. } => "deferrable",
            Self::ConstraintMissing { .. } => "constraint-missing",
            Self::LabelMissing { .. } => "label-missing",
            Self::LabelExtra { .. } => "label-extra",
            Self::LabelOrder { .. } => "label-order",
            Self::IndexMissing { .. } => "index-missing",
        }
    }
}

impl Difference {
    /// The DDL that mends it, each statement with its semicolon; `None` where the struct does not say enough, as of a
    /// default whose SQL is not in the attribute.
    ///
    /// Read it before it is run: it takes locks and may rewrite the table, CREATE INDEX keeps writers out until it ends, and the server refuses it where the rows do not
    /// fit, such as NOT NULL where there are NULLs. A change of a type converts the values by a cast, or by their text.
    /// [`loses_values`](Self::loses_values) says whether something of them may be gone then.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// for difference in db.verify::<User>().await?.differences() {
    ///     if let Some(ddl) = difference.ddl() {
    ///         db.execute_script(&ddl).await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ddl(&self) -> Option<String> {
        let statements = self.mend.statements.iter().map(|one| format!("{one};"));
        Some(statements.collect::<Vec<_>>().join("\n")).filter(|ddl| !ddl.is_empty())
    }

    /// Whether the DDL drops a column, with its values, or an index that is another one, or converts values to a type in which they may be others: cut or rounded,
    /// such as a time of day in a date, or taken in another zone. Types that have no such room, as `int8` behind `int4`, and those
    /// that refuse what does not fit, as `int4` behind `int8`, are none of these; a shorter `varchar` is, since it cuts blanks
    /// off.
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let contract = db.verify::<User>().await?;
    /// assert!(!contract.differences().iter().any(|difference| difference.loses_values()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn loses_values(&self) -> bool {
        self.mend.loses.is_some()
    }
}
