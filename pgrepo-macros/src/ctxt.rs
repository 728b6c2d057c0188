use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use quote::ToTokens;

/// Collects the errors of one input, so that all of them are reported in one compile.
///
/// Dropping it unchecked panics: an error that nobody reports is worse than a crash of the macro.
#[derive(Default)]
pub(crate) struct Ctxt {
    errors: RefCell<Vec<syn::Error>>,
    checked: bool,
}

impl Ctxt {
    /// An error that underlines `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// An error of the parser's.
    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().push(error);
    }

    /// All errors as one, if there are any.
    pub(crate) fn check(mut self) -> Option<syn::Error> {
        self.checked = true;
        self.errors.take().into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        })
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        assert!(self.checked || thread::panicking(), "errors were collected and not checked");
    }
}
