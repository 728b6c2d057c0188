//! What the figures are called, and what an exporter is told of them: the guide's table, once as code.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

macro_rules! figures {
    ($($name:ident = $text:literal, $kind:ident of $unit:ident: $what:literal;)+) => {
        $(pub(crate) const $name: &str = $text;)+

        /// Tells the recorder that is there what each figure means.
        pub(crate) fn describe() {
            $($kind!($name, Unit::$unit, $what);)+
        }
    };
}

figures! {
    OPERATIONS = "postgresql_operations_total", describe_counter of Count:
        "operations that have ended, by what came of them";
    OPERATION_DURATION = "postgresql_operation_duration_seconds", describe_histogram of Seconds:
        "how long operations took, waits and repetitions included";
    OPERATION_ERRORS = "postgresql_operation_errors_total", describe_counter of Count:
        "operations that failed, by SQLSTATE or the kind of the error";
    RETRIES = "postgresql_retries_total", describe_counter of Count:
        "repetitions, by what the attempt before failed with";
    COPY_ROWS = "postgresql_copy_rows_total", describe_counter of Count:
        "rows that were stored or read by COPY";
    COPY_BYTES = "postgresql_copy_bytes_total", describe_counter of Bytes:
        "bytes of COPY data of these rows";
    POOL_WAIT_DURATION = "postgresql_pool_wait_duration_seconds", describe_histogram of Seconds:
        "how long operations waited for a connection that had to wait, whether they got it or not";
    POOL_CONNECTIONS = "postgresql_pool_connections", describe_gauge of Count:
        "connections, by whether they idle or are used";
    POOL_CONNECTIONS_MAX = "postgresql_pool_connections_max", describe_gauge of Count:
        "the most connections that there may be";
    POOL_WAITING = "postgresql_pool_waiting", describe_gauge of Count:
        "operations that wait for a connection now";
    POOL_OPENED = "postgresql_pool_connections_opened_total", describe_counter of Count:
        "connections that were made";
    POOL_CLOSED = "postgresql_pool_connections_closed_total", describe_counter of Count:
        "connections that were closed, by why";
    POOL_ACQUIRED = "postgresql_pool_acquired_total", describe_counter of Count:
        "how often a connection was lent";
    POOL_TIMEOUTS = "postgresql_pool_timeouts_total", describe_counter of Count:
        "operations that got no connection in time";
    POOL_REJECTED = "postgresql_pool_rejected_total", describe_counter of Count:
        "operations that were turned away because too many others waited";
    BREAKER_STATE = "postgresql_breaker_state", describe_gauge of Count:
        "0 where the breaker is closed, 1 half-open, 2 open";
    BREAKER_CHANGES = "postgresql_breaker_changes_total", describe_counter of Count:
        "changes of the breaker's state, by the state it went to";
    BREAKER_REJECTED = "postgresql_breaker_rejected_total", describe_counter of Count:
        "operations that the breaker turned away";
}
