//! What a table really looks like, as its server describes it.

use crate::error::{Error, ErrorKind, Result};
use crate::value::TypeInfo;

use super::{ColumnMeta, Name};

/// A column as the server described it.
#[derive(Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) ty: TypeInfo,
    pub(crate) made: Made,
}

/// What the server does with a column that is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// It stores NULL.
    Plain,
    /// It stores a default, or a number of its own.
    Default,
    /// It stores a number of its own, and says that it always does; COPY may write it all the same.
    Always,
    /// It computes the value, and refuses any other.
    Generated,
}

impl Made {
    /// Says whether such a column takes the values of a field that is written.
    pub(crate) fn written(self, meta: &ColumnMeta) -> Result<(), Misfit> {
        match self {
            Self::Generated => Err(Misfit::Generated),
            Self::Always if !meta.spec.identity => Err(Misfit::Always),
            _ => Ok(()),
        }
    }

    /// Says whether the server fills in such a column, where the field says so.
    pub(crate) fn left(self, meta: &ColumnMeta) -> Result<(), Misfit> {
        let wanted = meta.spec.identity || meta.spec.default;
        if wanted && self == Self::Plain { Err(Misfit::Plain) } else { Ok(()) }
    }
}

/// Why a column and a field do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The table has no such column.
    Missing,
    /// It is of a type that the field does not stand for.
    Type,
    /// The field is written and the server computes the column.
    Generated,
    /// The field is written and the server always numbers the column.
    Always,
    /// The field leaves the column to the server, which only has NULL for it.
    Plain,
}

/// The columns of a table.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) columns: Vec<TableColumn>,
}

/// The type of a table's rows.
#[derive(Debug)]
pub(crate) struct RowType {
    /// Its name with its schema, each quoted.
    pub(crate) name: String,
    /// Its columns, which are the table's.
    pub(crate) table: Description,
}

impl Description {
    /// Gives the columns the types that they have now, and forgets those that are gone.
    pub(crate) fn renew(&mut self, now: &[(&str, TypeInfo)]) {
        self.columns.retain_mut(|column| {
            let Some((_, now)) = now.iter().find(|(name, _)| *name == column.name) else { return false };
            // A result shows a domain as the type that it is made of.
            if column.ty.base().oid() != now.oid() {
                column.ty = now.clone();
            }
            true
        });
    }

    /// Finds the column of a field that is read, and says whether the field can hold it.
    pub(crate) fn read(&self, meta: &ColumnMeta) -> Result<&TableColumn, Misfit> {
        let column = self.find(&meta.spec.name).ok_or(Misfit::Missing)?;
        if meta.accepts(&column.ty) { Ok(column) } else { Err(Misfit::Type) }
    }

    /// Finds the column of a field that is written, and says whether it takes the values.
    pub(crate) fn written(&self, meta: &ColumnMeta) -> Result<&TableColumn, Misfit> {
        let column = self.read(meta)?;
        column.made.written(meta).map(|()| column)
    }

    /// Says whether the server fills in the column of a field that says so and is not written.
    pub(crate) fn left(&self, meta: &ColumnMeta) -> Result<(), Misfit> {
        if !meta.spec.identity && !meta.spec.default {
            return Ok(());
        }
        self.find(&meta.spec.name).ok_or(Misfit::Missing)?.made.left(meta)
    }

    /// Finds the column of a field that is read, or says why the field cannot hold it.
    pub(crate) fn fit(&self, meta: &ColumnMeta) -> Result<&TableColumn> {
        self.read(meta).map_err(|why| self.error(meta, why))
    }

    /// Finds the column of a field that is written, or says why it takes no values.
    pub(crate) fn fit_written(&self, meta: &ColumnMeta) -> Result<&TableColumn> {
        self.written(meta).map_err(|why| self.error(meta, why))
    }

    /// Checks that the server fills in the column of a field that says so and is not written.
    pub(crate) fn fit_left(&self, meta: &ColumnMeta) -> Result<()> {
        self.left(meta).map_err(|why| self.error(meta, why))
    }

    #[cold]
    fn error(&self, meta: &ColumnMeta, why: Misfit) -> Error {
        let message = match why {
            Misfit::Missing => self.missing(),
            Misfit::Type => format!(
                "the table's column is {} and the field is a `{}`, which stands for {}",
                self.find(&meta.spec.name).map_or(&TypeInfo::UNKNOWN, |column| &column.ty),
                meta.rust_type(),
                meta.sql_type()
            ),
            Misfit::Generated => "the server computes this column; mark the field #[pg(generated)]".to_owned(),
            Misfit::Always => "the server numbers this column, always; mark the field #[pg(identity)], and where its \
                               values are to be stored load with CopyInOptions::keep_identity"
                .to_owned(),
            Misfit::Plain => {
                "the field leaves the column to the server, which has neither a default nor numbers for it".to_owned()
            }
        };
        Error::new(ErrorKind::Mismatch, message).at_field(meta.spec.field).at_column(meta.spec.name)
    }

    /// The types of the marked columns, each checked against the table's; of the others, that the server fills them in
    /// as the struct says.
    pub(crate) fn fit_row(&self, columns: &'static [ColumnMeta], marks: &[bool]) -> Result<Vec<TypeInfo>> {
        let mut types = Vec::with_capacity(columns.len());
        for (meta, sent) in columns.iter().zip(marks) {
            if *sent {
                types.push(self.fit_written(meta)?.ty.clone());
            } else {
                self.fit_left(meta)?;
            }
        }
        Ok(types)
    }

    pub(crate) fn missing(&self) -> String {
        let names = self.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        format!("the table has no such column; it has {names}")
    }

    fn find(&self, name: &Name) -> Option<&TableColumn> {
        self.columns.iter().find(|c| *name == *c.name.as_str())
    }

    /// Finds a column by a name of run time.
    pub(crate) fn named(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}
