use std::error::Error;
use std::fmt::{self, Display};
use std::sync::Arc;

/// The error of everything in [`testkit`](crate::testkit).
///
/// The message says what the kit tried to do; the cause is in [`source()`](Error::source). When no server could be brought
/// up, the message lists every way that was tried, in order, each with what it said. It never holds a password.
#[derive(Clone, thiserror::Error)]
#[error("{what}")]
pub struct TestkitError {
    what: String,
    #[source]
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl TestkitError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    /// The message and its causes on one line.
    pub(super) fn chain(&self) -> String {
        chain(self)
    }
}

/// An error's message and its causes on one line, for a report that cannot hold a chain.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

// What `main` and `unwrap` print: in words, one line a cause.
impl fmt::Debug for TestkitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Says what was being done when an error came up.
pub(super) trait Context<T> {
    fn context<S: Display>(self, what: impl FnOnce() -> S) -> Result<T, TestkitError>;
}

impl<T, E: Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn context<S: Display>(self, what: impl FnOnce() -> S) -> Result<T, TestkitError> {
        self.map_err(|cause| TestkitError { what: what().to_string(), cause: Some(Arc::new(cause)) })
    }
}
