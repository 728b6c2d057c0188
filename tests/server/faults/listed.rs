//! Whether each fault has its test.

use std::process::Command;

/// The faults, numbered as the tests' names are.
const FAULTS: &[(u8, &str)] = &[
    (1, "a COPY dropped while it waits for a lock"),
    (2, "a COPY dropped between chunks"),
    (3, "a source of rows that panics or fails"),
    (4, "a source of another length than announced"),
    (5, "a begin dropped"),
    (6, "a commit dropped"),
    (7, "a rollback dropped"),
    (8, "a savepoint that ends twice"),
    (9, "a stream dropped early"),
    (10, "a deadline of the client's"),
    (11, "an acquire dropped"),
    (12, "tasks aborted by the thousand"),
    (13, "sessions terminated, idle and in a read"),
    (14, "a session ended in a transaction"),
    (15, "a server that is stopped, killed and started"),
    (16, "a network that is silent"),
    (17, "networks that swallow a connection being made"),
    (18, "connections that are closed at once"),
    (19, "answers that are slow"),
    (20, "servers that refuse connections"),
    (21, "a commit whose answer is lost"),
    (22, "deadlocks and serialization failures"),
    (23, "locks that are not available, statements that take too long"),
    (24, "a commit of an aborted transaction"),
    (25, "many tasks on few connections"),
    (26, "a breaker that is open"),
    (27, "a connection lent raw"),
    (28, "connections that grow old together"),
    (29, "columns added and changed while they are read"),
    (31, "NUL in a text"),
    (32, "JSON that the server has not"),
    (33, "infinity and far years"),
    (34, "numbers beyond a machine's"),
    (35, "a field of another type than its column"),
    (36, "a value or a row of 1 GiB"),
    (37, "more parameters than the protocol has"),
    (38, "arrays of every shape"),
    (39, "a row that the server refuses"),
    (40, "columns reordered, missing, generated"),
    (41, "TLS, beside psql"),
    (42, "a password in plain text to another machine"),
    (43, "a password that is shown nowhere"),
    (44, "names of every sort"),
];

/// Whether a test bears the number.
fn is_of(name: &str, number: u8) -> bool {
    name.starts_with(&format!("fault_{number:02}_"))
}

/// Asks the binary itself which tests it has: a test that is renamed or left out of the build counts as none.
#[test]
fn every_fault_has_its_test() {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let ignored = Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--format", "terse", "--ignored"])
        .output()
        .unwrap();
    assert!(ignored.stdout.is_empty(), "no test is left out: {}", String::from_utf8_lossy(&ignored.stdout));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter_map(|path| path.rsplit("::").next())
        .collect();
    assert!(names.contains(&"every_fault_has_its_test"), "{names:?}");
    let missing: Vec<_> = FAULTS.iter().filter(|(number, _)| !names.iter().any(|name| is_of(name, *number))).collect();
    assert!(missing.is_empty(), "faults without a test: {missing:#?}");
}
