use pgrepo::testkit::need;

use crate::support::child;

#[test]
fn a_program_that_is_there_is_found() {
    let sh = need("a_program_that_is_there_is_found", "sh", "nothing").expect("sh");
    assert!(sh.is_file());
}

#[test]
fn a_skip_is_told_and_counted() {
    let output = child(&["skip"]).env_remove("PGREPO_REQUIRE").output().expect("the child");
    assert!(output.status.success());
    assert_eq!(output.stdout, b"1\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "skipped: child needs no-such-program, install it by `wishing for it`\n");
}

#[test]
fn a_skip_fails_where_none_is_allowed() {
    let output = child(&["skip"]).env("PGREPO_REQUIRE", "all").output().expect("the child");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("skipped: child needs no-such-program"), "{said}");
}
