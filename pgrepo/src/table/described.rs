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

    /// Finds the column of a field that is read, and checks that the field can hold it.
    pub(crate) fn fit(&self, meta: &ColumnMeta) -> Result<&TableColumn> {
        let column = self.find(&meta.spec.name).ok_or_else(|| misfit(meta, self.missing()))?;
        if meta.accepts(&column.ty) {
            return Ok(column);
        }
        let message = format!(
            "the table's column is {} and the field is a `{}`, which stands for {}",
            column.ty,
            meta.rust_type(),
            meta.sql_type()
        );
        Err(misfit(meta, message))
    }

    /// Finds the column of a field that is written, and checks that it can hold it.
    pub(crate) fn fit_written(&self, meta: &ColumnMeta) -> Result<&TableColumn> {
        let column = self.fit(meta)?;
        match column.made {
            Made::Generated => {
                Err(misfit(meta, "the server computes this column; mark the field #[pg(generated)]".into()))
            }
            Made::Always if !meta.spec.identity => {
                let message = "the server numbers this column, always; mark the field #[pg(identity)], and where its \
                               values are to be stored load with CopyInOptions::keep_identity";
                Err(misfit(meta, message.into()))
            }
            _ => Ok(column),
        }
    }

    /// Checks that the server fills in the column of a field that says so and is not written.
    pub(crate) fn fit_left(&self, meta: &ColumnMeta) -> Result<()> {
        if !meta.spec.identity && !meta.spec.default {
            return Ok(());
        }
        let column = self.find(&meta.spec.name).ok_or_else(|| misfit(meta, self.missing()))?;
        match column.made {
            Made::Plain => {
                let message =
                    "the field leaves the column to the server, which has neither a default nor numbers for it";
                Err(misfit(meta, message.into()))
            }
            _ => Ok(()),
        }
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

#[cold]
fn misfit(meta: &ColumnMeta, message: String) -> Error {
    Error::new(ErrorKind::Mismatch, message).at_field(meta.spec.field).at_column(meta.spec.name)
}
