//! The values of a statement's parameters.

use crate::error::{Error, ErrorKind, Result};
use crate::value::{AnyValue, TypeInfo, ValueError};

/// A value for a parameter whose type is not named.
pub(crate) type Param<'q> = dyn AnyValue + Send + Sync + 'q;

/// The values of all parameters of a statement, `$1` first.
pub(crate) trait Values: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Encodes each for the type that the server gave its parameter.
    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded>;
}

/// The values of parameters, one field after the other.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    /// Appends a field that `put` writes.
    pub(crate) fn add(&mut self, put: impl FnOnce(&mut Vec<u8>) -> Result<(), ValueError>) -> Result<(), ValueError> {
        put(&mut self.bytes)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they have.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The fields in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }
}

impl Values for Vec<&Param<'_>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn encode(&self, types: &[TypeInfo]) -> Result<Encoded> {
        if self.len() != types.len() {
            let (wanted, bound) = (types.len(), self.len());
            let message = format!("the number of parameters is {wanted} and that of values bound is {bound}");
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let mut encoded = Encoded::default();
        for (i, (param, ty)) in self.iter().zip(types).enumerate() {
            if !param.accepts(ty) {
                return Err(misfit(i + 1, ty, param.rust_type(), param.sql_type()));
            }
            encoded.add(|out| param.encode_any(ty, out)).map_err(|e| {
                Error::new(ErrorKind::Encode, format!("parameter ${} cannot be sent", i + 1)).caused_by(e)
            })?;
        }
        Ok(encoded)
    }
}

/// A value that is not of the type that the server gave its parameter.
fn misfit(number: usize, ty: &TypeInfo, rust: &str, sql: Option<String>) -> Error {
    let message = match sql {
        Some(own) => format!(
            "parameter ${number} is {ty} and the value bound is a `{rust}`, which goes as {own}: bind another \
             type, or write ${number}::{own} where the value's own type is meant"
        ),
        None => format!("parameter ${number} is {ty}, as which the value bound, a `{rust}`, cannot go"),
    };
    Error::new(ErrorKind::Mismatch, message)
}
