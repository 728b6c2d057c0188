//! A row whose fields are the parameters of a statement.

use crate::copy::frame;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Encoded, Values};
use crate::table::{ColumnMeta, FieldError, FieldWriter, Name, Set, Spec, WriteRow, sql};
use crate::value::{Encode, TypeInfo, ValueErrorKind, sql_type_name};

use super::Text;

/// A row, and which of its fields a statement sends: they are its parameters in their order.
pub(crate) struct Written<'a, R> {
    row: &'a R,
    marks: Vec<bool>,
}

impl<'a, R: WriteRow> Written<'a, R> {
    /// Sends the fields that the row does not leave to the server, of those that `keep` says yes to.
    pub(crate) fn new(row: &'a R, keep: impl Fn(&Spec) -> bool) -> Result<Self> {
        let mut marks = frame::sent(row).map_err(|e| unsendable(R::COLUMNS, e))?;
        for (mark, meta) in marks.iter_mut().zip(R::COLUMNS) {
            *mark &= keep(&meta.spec);
        }
        Ok(Self { row, marks })
    }

    /// The columns that are sent, each with its parameter's number.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static Spec, usize)> {
        let sent = R::COLUMNS.iter().zip(&self.marks).filter(|(_, sent)| **sent);
        sent.zip(1..).map(|((meta, _), number)| (&meta.spec, number))
    }

    /// Checks that the row sends these columns, which say what row of the table it is.
    pub(crate) fn sends<'n>(&self, names: impl IntoIterator<Item = &'n Name>) -> Result<()> {
        for name in names {
            if !self.columns().any(|(spec, _)| spec.name == *name) {
                let message = "the row does not write this column, by which its place in the table is found: use a row \
                               type that has it";
                return Err(Error::new(ErrorKind::Mismatch, message).at_column(name));
            }
        }
        Ok(())
    }
}

impl Text<'_, '_> {
    /// Appends names of columns, with commas.
    pub(crate) fn names<'n>(&mut self, names: impl IntoIterator<Item = &'n Name>) {
        for (i, name) in names.into_iter().enumerate() {
            self.push(if i == 0 { "" } else { ", " });
            self.column(name);
        }
    }

    /// Appends ` RETURNING …` with all columns.
    pub(crate) fn returning(&mut self, specs: &[Spec]) {
        self.push(" RETURNING ");
        self.push(&sql::text(|out| sql::columns(out, 0, specs, sql::Only::All)));
    }

    /// Appends `a = $1, …`, or what else stands between two columns, for columns with their parameters' numbers.
    pub(crate) fn equal<'n>(&mut self, columns: impl IntoIterator<Item = (&'n Name, usize)>, between: &str) {
        for (i, (name, number)) in columns.into_iter().enumerate() {
            self.push(if i == 0 { "" } else { between });
            self.column(name);
            self.push(" = $");
            self.push(&number.to_string());
        }
    }
}

impl<R: WriteRow + Sync> Values for Written<'_, R> {
    fn count(&self) -> usize {
        self.marks.iter().filter(|sent| **sent).count()
    }

    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded> {
        let mut writer = Params { types, marks: &self.marks, place: 0, next: 0, out: Encoded::default(), misfit: None };
        match self.row.write_fields(&mut writer) {
            Ok(()) => Ok(writer.out),
            Err(error) => Err(match writer.misfit {
                Some(message) => of_column(R::COLUMNS, error.index, Error::new(ErrorKind::Mismatch, message)),
                None => unsendable(R::COLUMNS, error),
            }),
        }
    }
}

/// Writes the marked fields, each as a parameter.
struct Params<'a> {
    types: &'a [TypeInfo],
    marks: &'a [bool],
    place: usize,
    next: usize,
    out: Encoded,
    /// Why a field cannot go as its parameter's type.
    misfit: Option<String>,
}

impl FieldWriter for Params<'_> {
    fn field<V: Encode + ?Sized>(&mut self, value: &V) -> Result<(), FieldError> {
        let index = self.place;
        self.place += 1;
        if !self.marks.get(index).copied().unwrap_or(false) {
            return Ok(());
        }
        let ty = self.types.get(self.next).unwrap_or(const { &TypeInfo::UNKNOWN });
        self.next += 1;
        if !V::accepts(ty) {
            let (rust, own) = (std::any::type_name::<V>(), sql_type_name::<V>());
            self.misfit =
                Some(format!("the table's column is {ty} and the field is a `{rust}`, which stands for {own}"));
            return Err(FieldError { index, error: ValueErrorKind::Range("another type".to_owned()).into() });
        }
        self.out.add(|out| value.encode(ty, out)).map_err(|error| FieldError { index, error })
    }

    fn set<V: Encode>(&mut self, value: &Set<V>) -> Result<(), FieldError> {
        match value {
            Set::To(value) => self.field(value),
            Set::Server => {
                self.place += 1;
                Ok(())
            }
        }
    }
}

/// A value of a row that cannot be sent.
pub(super) fn unsendable(columns: &[ColumnMeta], error: FieldError) -> Error {
    let refused = Error::new(ErrorKind::Encode, "the value cannot be sent, so nothing is stored");
    of_column(columns, error.index, refused.caused_by(error.error))
}

fn of_column(columns: &[ColumnMeta], index: usize, error: Error) -> Error {
    match columns.get(index) {
        Some(meta) => error.at_field(meta.spec.field).at_column(meta.spec.name),
        None => error,
    }
}
