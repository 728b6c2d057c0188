use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::error::{Error, ErrorKind, Result};

/// A password that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::{DbConfig, Password};
    /// let mut config = DbConfig::default();
    /// config.password = Some(Password::new("secret"));
    /// ```
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

type Asked = Result<Password, Box<dyn StdError + Send + Sync>>;

/// What is asked for a password each time that a connection is made, for tokens that are valid for a while:
/// [`DbConfig::with_password_callback`](super::DbConfig::with_password_callback).
///
/// Two are equal if one is a clone of the other.
#[derive(Clone)]
pub struct PasswordCallback(Arc<dyn Fn() -> BoxFuture<'static, Asked> + Send + Sync>);

impl PasswordCallback {
    pub(super) fn new<F, Fut, E>(ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Password, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let asked = ask();
            async move { asked.await.map_err(Into::into) }.boxed()
        }))
    }

    pub(crate) async fn ask(&self) -> Result<Password> {
        let failed = |e| Error::new(ErrorKind::Connection, "the password callback failed").caused_by(e);
        let password = (self.0)().await.map_err(failed)?;
        // A text of the protocol ends at NUL.
        if password.reveal().contains('\0') {
            let message = "the password callback gave a password that holds a NUL character";
            return Err(Error::new(ErrorKind::Connection, message));
        }
        Ok(password)
    }
}

impl fmt::Debug for PasswordCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordCallback")
    }
}

impl PartialEq for PasswordCallback {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PasswordCallback {}
