use std::borrow::Cow;

use crate::error::{Error, ServerError};

use super::sql::{self, Layout};
use super::{PgTable, TableMeta, TableName};

/// Where the rows of a struct are: the table that it names, or the same one in a schema that is named at run time.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    table: TableMeta,
    schema: Option<String>,
}

/// Writes a statement of a table: one of the functions of [`sql`].
pub(crate) type Write = fn(&mut [u8], usize, &Layout<'_>) -> usize;

impl Place {
    /// The table of a struct; `schema` is the one that is named at run time, if any.
    pub(crate) fn of<T: PgTable + ?Sized>(schema: Option<&str>) -> Self {
        Self { table: T::TABLE, schema: schema.map(str::to_owned) }
    }

    /// The name, with its schema.
    pub(crate) fn name(&self) -> TableName<'_> {
        TableName { schema: self.schema.as_deref().or(self.table.schema), name: self.table.name }
    }

    /// A statement whose text is a constant where the struct's own table is meant.
    pub(crate) fn statement<T: PgTable + ?Sized>(&self, constant: &'static str, write: Write) -> Cow<'static, str> {
        match &self.schema {
            None => Cow::Borrowed(constant),
            Some(_) => {
                let TableName { schema, name } = self.name();
                let layout = Layout { schema, table: name, columns: T::SPECS };
                Cow::Owned(sql::text(|out| write(out, 0, &layout)))
            }
        }
    }

    /// The name with its schema, quoted.
    pub(crate) fn quoted(&self) -> String {
        self.name().quoted()
    }

    /// The struct's own table, whatever schema is named at run time.
    pub(crate) fn declared(&self) -> TableName<'static> {
        TableName { schema: self.table.schema, name: self.table.name }
    }

    /// An error on this table.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let error = error.naming().on_table(self.name());
        match self.field_of(&error) {
            Some(field) if error.field().is_none() => error.at_field(field),
            _ => error,
        }
    }

    /// The field of the column that the server names, if that is one of this table.
    fn field_of(&self, error: &Error) -> Option<&'static str> {
        let column = error.column()?;
        let other = error.server().and_then(ServerError::table).is_some_and(|table| table != self.table.name);
        let found = self.table.columns.iter().find(|meta| meta.spec.name.to_string() == column);
        found.filter(|_| !other).map(|meta| meta.spec.field)
    }
}
