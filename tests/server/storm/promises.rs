//! Whether each test that the page of promises names is there.

use std::collections::BTreeSet;
use std::process::Command;

const PAGE: &str = include_str!("../../../pgrepo/docs/guide/promises.md");

/// The words in backquotes that are names of tests: those after "Held by".
fn named(page: &str) -> BTreeSet<&str> {
    let lists = page.split("Held by ").skip(1).filter_map(|rest| rest.split("\n\n").next());
    lists.flat_map(|list| list.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_promise_names_a_test_that_is_there() {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let tests: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter_map(|path| path.rsplit("::").next())
        .collect();
    let named = named(PAGE);
    assert!(named.len() >= 20, "the page names tests: {named:?}");
    let missing: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    // A promise without a test is none.
    let (promises, _) = PAGE.split_once("# What it cannot promise").unwrap();
    let without: Vec<_> = promises
        .split("\n## ")
        .skip(1)
        .filter(|section| !section.contains("Held by `"))
        .filter_map(|section| section.lines().next())
        .collect();
    assert!(without.is_empty(), "promises without a test: {without:#?}");
}
