//! The workloads in words, in the order of the report.

/// The workloads' names, and what is done in each.
pub(crate) const WORKLOADS: &[(&str, &str)] = &[
    ("encode-wide", "A wide row into binary COPY, without a server."),
    ("encode-narrow", "A narrow row into binary COPY, without a server."),
    (
        "decode-copy",
        "A wide row from binary COPY into a struct. Borrowed structs leave the JSON document unparsed. tokio-postgres has \
         found where the fields stand before the time is taken, the others find it within.",
    ),
    (
        "decode-query",
        "A wide row from a query's result into a struct. Borrowed structs leave the JSON document unparsed.",
    ),
    (
        "copy-null",
        "1,000,000 wide rows by COPY into a table with a trigger that leaves every row out. The server's time is the trigger's \
         too.",
    ),
    ("copy-unlogged", "1,000,000 wide rows by COPY into an unlogged table."),
    ("copy-logged", "1,000,000 wide rows by COPY into a logged table."),
    ("copy-logged-socket", "The same over a unix socket."),
    ("copy-parallel", "1,000,000 wide rows by COPY into a logged table, over one connection and over two."),
    (
        "load-tolerant",
        "1,000,000 wide rows, all of them good, by COPY into an unlogged table: strictly, so that a bad row would end the \
         load, and tolerantly, so that it would be handed back. Rows are lent to the load, or handed over one by one; the \
         time to make these is the load's.",
    ),
    (
        "merge",
        "100,000 wide rows merged into an unlogged table by their keys, once: half are new, a quarter is there with the \
         same values, a quarter with others. By hand it is a temporary table, a COPY and an INSERT … ON CONFLICT DO UPDATE \
         that leaves rows alone which do not differ; pgrepo also counts which were inserted, updated and left, takes the \
         rows' locks in the order of their keys, and would name two rows with the same key.",
    ),
    ("copy-text", "1,000,000 wide rows by psql, from a file in binary and from one in text."),
    ("copy-10m", "10,000,000 narrow rows by COPY into an unlogged table, once."),
    ("copy-1", "1 wide row by COPY, again and again on a warm connection."),
    ("copy-100", "100 wide rows by COPY, again and again on a warm connection."),
    ("copy-1000", "1,000 wide rows by COPY, again and again on a warm connection."),
    ("copy-10000", "10,000 wide rows by COPY, again and again on a warm connection."),
    ("copy-100000", "100,000 wide rows by COPY, again and again on a warm connection."),
    (
        "copy-100-logged",
        "100 wide rows by COPY into a logged table, again and again on a warm connection: each load waits for the disk.",
    ),
    ("copy-1-socket", "1 wide row by COPY, again and again on a warm connection, over the unix socket."),
    ("copy-100-socket", "100 wide rows by COPY, the same."),
    ("copy-1000-socket", "1,000 wide rows by COPY, the same."),
    ("insert-1", "1 wide row by COPY and by arrays (UNNEST)."),
    ("insert-10", "10 wide rows by COPY and by arrays (UNNEST)."),
    ("insert-100", "100 wide rows by COPY and by arrays (UNNEST)."),
    ("insert-1000", "1,000 wide rows by COPY and by arrays (UNNEST)."),
    ("insert-10000", "10,000 wide rows by COPY and by arrays (UNNEST)."),
    ("insert-50000", "50,000 wide rows in all ways that there are."),
    ("read", "1,000,000 wide rows into structs, one at a time."),
    ("point-query", "A wide row by its key into a struct, on one connection."),
    ("prepared", "The same by pgbench, with a prepared statement and with one that is parsed each time."),
    (
        "pool-20",
        "The same by 50 tasks over a pool of 20 connections; a task takes one for each query. Each pool checks its \
         connections as it does by default: sqlx and diesel-async ask the server before each use, asyncpg resets the \
         session after it; pgrepo asks only a connection that has idled for long, and closes one that an operation did \
         not leave at rest; deadpool-postgres looks only whether it is closed, and, verified, asks the server before each \
         use.",
    ),
    ("pool-50", "The same by 50 tasks over a pool of 50 connections."),
    (
        "loader-1",
        "50 tasks that get rows by key over 1 connection. Pipelined, they share it: a task does not wait until the answers \
         to the others are there. In a pool one has it at a time.",
    ),
    ("loader-2", "50 tasks that get rows by key over 2 connections, the same."),
    ("loader-8", "50 tasks that get rows by key over 8 connections, the same."),
    (
        "writer",
        "50 tasks that insert one wide row each, again and again, in a statement of its own over 1 connection into an \
         unlogged table, so that no disk is waited for.",
    ),
    (
        "short-transaction",
        "A transaction of three statements, two updates by key and an insert, on one connection and in unlogged tables. \
         Pipelined, BEGIN, the statements and COMMIT are sent at once, and waited for together.",
    ),
    ("json-path", "Ten wide rows by a path into their JSON document, with an index on the expression."),
    ("contains", "Wide rows by what their JSON document contains, with a GIN index."),
    ("join", "The rows of a join of three tables for one customer."),
    ("early-stop", "A stream of 2,000,000 rows is dropped after ten: how long does the next query wait?"),
    (
        "observed",
        "A `get` by key, by what is built in and who listens. valgrind counts the client's instructions; they are the \
         difference of 600 operations and 100, the least of three runs each, on a server that sleeps before it answers so \
         that each answer is waited for once. The subscriber and the recorder are the cheapest that there can be.",
    ),
    ("build-cost", "What a derive on a struct of thirty fields adds to a build."),
    ("library-build", "What the library itself costs to build."),
];
