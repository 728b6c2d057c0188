use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Returns where a program is, or says that the test is skipped for want of it.
///
/// # Panics
/// When the program is not there and the environment says `PGREPO_REQUIRE=all`.
///
/// # Examples
/// ```no_run
/// # use pgrepo::testkit::need;
/// let Some(psql) = need("tls_verdicts", "psql", "apt-get install postgresql-client") else {
///     return;
/// };
/// ```
pub fn need(test: &str, program: &str, remedy: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file());
    if found.is_none() {
        skip(test, program, remedy);
    }
    found
}

/// Says `skipped: X needs Y, install it by Z` on standard error, past the test harness's capture.
///
/// # Panics
/// When the environment says `PGREPO_REQUIRE=all`, or standard error cannot be written.
///
/// # Examples
/// ```no_run
/// # fn example() {
/// use pgrepo::testkit::skip;
/// if std::env::var_os("APP_TEST_BUCKET").is_none() {
///     skip("uploads", "a bucket, named by APP_TEST_BUCKET", "make bucket");
///     return;
/// }
/// # }
/// ```
pub fn skip(test: &str, need: &str, remedy: &str) {
    let line = format!("skipped: {test} needs {need}, install it by {remedy}");
    let all = std::env::var_os("PGREPO_REQUIRE").is_some_and(|value| value == "all");
    assert!(!all, "{line} (PGREPO_REQUIRE=all allows no skip)");
    SKIPPED.fetch_add(1, Ordering::Relaxed);
    writeln!(std::io::stderr(), "{line}").expect("standard error is closed");
}

/// Returns how many tests of this process were skipped so far.
///
/// # Examples
/// ```
/// assert_eq!(pgrepo::testkit::skipped(), 0);
/// ```
pub fn skipped() -> usize {
    SKIPPED.load(Ordering::Relaxed)
}
