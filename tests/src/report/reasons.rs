//! Why goals are missed, as far as it is known. What is shown depends on the results: a reason stands here for each goal
//! that has been missed in some run.

use super::Results;
use super::goal_list::GOALS;
use super::goals::Verdict;

/// The workload and pgrepo's way, and why it falls short.
const REASONS: &[(&str, &str, &str)] = &[
    (
        "encode-wide",
        "pgrepo",
        "Most of the row is its JSON document, which serde_json writes for all of them: hand-written code falls short of \
         the goal beside tokio-postgres too. Times of the same code differ by more than 3 % from run to run; the \
         instructions do not, and CI holds them within 3 % of what is committed (tests/benches/codec).",
    ),
    (
        "encode-narrow",
        "pgrepo",
        "Hand-written code with the same checks takes as long: the goal was measured without them. Texts are searched \
         for NUL, which the server would refuse without naming the row.",
    ),
    (
        "decode-copy",
        "pgrepo, borrowed",
        "Hand-written code takes about as long: each text is checked to be UTF-8, and the time is converted. Code without \
         these checks was what the goal was made from.",
    ),
    (
        "decode-query",
        "pgrepo",
        "sqlx hands out a value's bytes together with a copy of its column's type, some 12 ns for each value; a row of \
         COPY has none of that.",
    ),
    ("decode-query", "pgrepo, borrowed", "As above: the driver's part of some 12 ns a value is more than half of it."),
    (
        "copy-null",
        "pgrepo",
        "The client waits for the server most of the time, so much of its own time is the system's, for waking up; the \
         trigger makes that worse for all. What is pgrepo's is the copy of each piece into the driver's buffer.",
    ),
    (
        "copy-parallel",
        "pgrepo, two connections",
        "Two sessions of the server and the client share two processors: there is no third for the client.",
    ),
    (
        "copy-1",
        "pgrepo",
        "A load is a transaction of its own, and its columns are compared with the table's under the table's lock: two \
         round trips and one query on the catalog more than a bare COPY. The driver cannot send BEGIN together with \
         COPY. In exchange a changed column is never written with the bytes of another type, and rows that a trigger \
         leaves out are undone. For a few rows a statement with arrays is the faster way: see below.",
    ),
    ("copy-100", "pgrepo", "As copy-1: the two round trips and the query are the same for any number of rows."),
    ("copy-1000", "pgrepo", "As copy-1, but by now the rows take much longer than the two round trips and the query."),
    (
        "load-tolerant",
        "pgrepo, tolerant, owned rows",
        "Rows are kept until the server has taken their batch, since one of them may have to be handed back, and then freed \
         together; rows that are lent cost nothing more. A strict load frees each as soon as it is encoded, while it is in \
         the processor's cache.",
    ),
    (
        "read",
        "pgrepo",
        "The driver passes a row through two asynchronous generators and copies the column's type for each value. COPY \
         is the way to read many rows.",
    ),
    ("read", "pgrepo, borrowed", "What is left is the driver's, as above, and the system's."),
    (
        "read",
        "pgrepo, COPY",
        "Nearly half of the client's time is the system's, for receiving and waking up. The server takes longer for a \
         COPY of a table than for a SELECT of it, and the client waits.",
    ),
    ("read", "pgrepo, COPY, borrowed", "As above: about half of what is left is the system's."),
    (
        "insert-50000",
        "pgrepo, COPY",
        "What a row by itself costs is the round trip and the server's statement, which differ from machine to machine; \
         the goal was made on one where they were dearer.",
    ),
    (
        "point-query",
        "pgrepo",
        "In the client a query takes about a quarter more instructions with pgrepo than with tokio-postgres: the driver's \
         generators and arguments, and the pool, which tokio-postgres does not have here. See ARCHITECTURE.md.",
    ),
    (
        "pool-20",
        "pgrepo",
        "The client's part of a query costs what it does in point-query, and shares the processors with the server. \
         A task used to keep its thread while answers came at once, which made the slowest wait; it gives way now, at \
         some cost in operations. What else makes a query dearer than its instructions was not found out. See \
         ARCHITECTURE.md.",
    ),
    ("pool-50", "pgrepo", "As pool-20."),
    (
        "build-cost",
        "pgrepo",
        "The statements' texts are put together by the compiler, and the code that writes rows is made where the struct \
         is, while what serde and sqlx print is generic, and made only where it is used.",
    ),
    ("json-path", "pgrepo", "The client's part of a query costs what it does in point-query."),
    (
        "json-path",
        "pgrepo, typed path",
        "It asks the server another question: an equality on a typed path is a containment, which any GIN index on the \
         document serves, and which gathers all rows that match before the first ten are taken; the others ask by the \
         expression of a B-tree index made for this path. Ordering and ranges on a typed path use such an index.",
    ),
    ("join", "pgrepo", "The client's part of a query costs what it does in point-query."),
    ("contains", "pgrepo", "The client's part of a query costs what it does in point-query."),
];

pub(crate) const UNKNOWN: &str = "The reason is not known yet.";

/// A list of the goals that were missed, with the reason for each.
pub(crate) fn list(results: &Results) -> String {
    let mut text = String::new();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for goal in GOALS {
        let of = (goal.workload, goal.ours);
        if matches!(goal.outcome(results).verdict, Verdict::Missed(_)) && !told.contains(&of) {
            told.push(of);
            let found = REASONS.iter().find(|(workload, ours, _)| (*workload, *ours) == of);
            let reason = found.map_or(UNKNOWN, |(_, _, reason)| *reason);
            text += &format!("- **{}**, {}: {reason}\n", of.0, of.1);
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("\n### Why goals are missed\n\n{text}"),
    }
}
