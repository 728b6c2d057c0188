//! Hostile bytes into every decoder and into the rows of COPY: an error, never a panic. From `tests/`:
//! `cargo +nightly fuzz run decode -- -max_len=4096 -rss_limit_mb=512 -malloc_limit_mb=16`
//!
//! The first byte chooses the decoder.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tests::hostile::{Subject, subjects};

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(subjects);

fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        SUBJECTS[usize::from(*choice) % SUBJECTS.len()].read(bytes);
    }
});
