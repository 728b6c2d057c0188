//! Whether each test that the guide names is there.

use std::collections::BTreeSet;
use std::process::Command;

use tests::guide::{pages, tests_in};

/// The paths of all tests: of this program as it lists them itself, and of the others as their sources say.
fn tests() -> BTreeSet<String> {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let ours = listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned);
    let others = [
        "pgrepo/src",
        "examples/service/tests",
        "examples/tests",
        "tests/alloc",
        "tests/codec",
        "tests/derive",
        "tests/src",
        "tests/testkit",
    ];
    ours.chain(others.iter().flat_map(|folder| tests_in(folder).unwrap())).collect()
}

#[test]
fn every_test_that_the_guide_names_is_there() {
    let tests = tests();
    // By its own name, or by as much of its path as is written.
    let is_there = |name: &str| tests.iter().any(|path| path == name || path.ends_with(&format!("::{name}")));
    let mut missing = Vec::new();
    for page in pages().unwrap() {
        let named = page.tests();
        let least = match &*page.name {
            "promises" | "from-python" => 60,
            _ => 0,
        };
        assert!(named.len() >= least, "{} names tests: {named:?}", page.name);
        let gone = named.iter().filter(|name| !is_there(name));
        missing.extend(gone.map(|name| format!("{}: {name}", page.name)));
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// A promise without a test is none.
#[test]
fn every_promise_names_a_test() {
    let pages = pages().unwrap();
    let page = pages.iter().find(|page| page.name == "promises").unwrap();
    let (promises, _) = page.text.split_once("# What it cannot promise").unwrap();
    let without: Vec<_> = promises
        .split("\n## ")
        .skip(1)
        .filter(|section| !section.contains("Held by `"))
        .filter_map(|section| section.lines().next())
        .collect();
    assert!(without.is_empty(), "promises without a test: {without:#?}");
}
