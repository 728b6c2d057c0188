//! The derive macros of pgrepo.

mod test_attr;

/// Gives an asynchronous test a runtime and a database of its own.
///
/// The function takes one argument of a type that implements `pgrepo::testkit::FromTestDatabase`, such as
/// `pgrepo::testkit::TestDatabase`, and returns nothing or a `Result`. The database is a copy of a template that is set up once a
/// process; it is dropped when the test ends, also by a panic. Other attributes (`#[should_panic]`, `#[cfg(…)]`) stay.
///
/// | key | meaning |
/// |---|---|
/// | `sql = "…"` | the statements that set the template up |
/// | `setup = "path.sql"` | the same from a file; the path starts at the package's folder, `CARGO_MANIFEST_DIR` |
/// | `server = "private"` | never the server that the environment names: for tests that put a `Proxy` before it or look at its log |
/// | `flavor = "current_thread"` | the runtime: `"current_thread"` (default) or `"multi_thread"` |
///
/// ```ignore
/// #[pgrepo::test(setup = "tests/schema.sql", flavor = "multi_thread")]
/// async fn starts_empty(db: pgrepo::testkit::TestDatabase) -> Result<(), Box<dyn std::error::Error>> {
///     // connect to db.url()
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    test_attr::expand(arguments.into(), item.into()).into()
}
