//! Figures by the facade `metrics`: what they are called, and where they are told.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Key, Label, Level, Metadata, SharedString, counter, gauge, histogram, with_recorder};

use crate::error::Error;
use crate::table::TableName;

use super::{About, Copied, Direction, Status, error_type};

pub(crate) mod names;

use names::{
    BREAKER_CHANGES, BREAKER_STATE, COPY_BYTES, COPY_ROWS, OPERATION_DURATION, OPERATION_ERRORS, OPERATIONS,
    POOL_WAIT_DURATION, RETRIES,
};

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The figures of a database.
pub(crate) struct Figures {
    pool: SharedString,
    /// Made once for each operation, table and outcome: to put labels together costs more than to count.
    keys: Mutex<HashMap<(Of, Status), Arc<Keys>, Quick>>,
}

/// What is counted by itself. Its texts are constants, and told apart by where they stand: to hash and compare what they say
/// took longer than all else about a figure. Two of them that say the same have keys of their own, which are alike.
#[derive(Debug, Clone, Copy)]
struct Of {
    operation: &'static str,
    schema: Option<&'static str>,
    table: &'static str,
}

impl Of {
    fn new(operation: &'static str, table: Option<TableName<'static>>) -> Self {
        Self { operation, schema: table.and_then(|table| table.schema), table: table.map_or("", |table| table.name) }
    }

    fn table(self) -> SharedString {
        match self.schema {
            Some(_) => TableName { schema: self.schema, name: self.table }.to_string().into(),
            None => SharedString::const_str(self.table),
        }
    }
}

impl PartialEq for Of {
    fn eq(&self, other: &Self) -> bool {
        let schemas = match (self.schema, other.schema) {
            (Some(ours), Some(theirs)) => ptr::eq(ours, theirs),
            (None, None) => true,
            _ => false,
        };
        schemas && ptr::eq(self.operation, other.operation) && ptr::eq(self.table, other.table)
    }
}

impl Eq for Of {}

impl Hash for Of {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.operation.as_ptr().addr());
        state.write_usize(self.table.as_ptr().addr());
    }
}

/// Hashes addresses, which nobody chooses.
type Quick = BuildHasherDefault<Folded>;

#[derive(Default)]
struct Folded(u64);

impl Folded {
    fn fold(&mut self, word: u64) {
        // An odd number whose bits are mixed: that of the golden ratio.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.fold(u64::from(*byte)));
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Keys {
    total: Key,
    duration: Key,
}

impl Figures {
    pub(super) fn new(pool: String) -> Self {
        Self { pool: SharedString::from_shared(pool.into()), keys: Mutex::default() }
    }

    /// What the pool is called.
    pub(crate) fn pool(&self) -> SharedString {
        self.pool.clone()
    }

    fn keys(&self, of: Of, status: Status) -> Arc<Keys> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let made = keys.entry((of, status)).or_insert_with(|| {
            let labels = vec![
                Label::new("pool", self.pool()),
                Label::new("operation", of.operation),
                Label::new("table", of.table()),
                Label::new("status", status.as_str()),
            ];
            let (total, duration) =
                (Key::from_parts(OPERATIONS, labels.clone()), Key::from_parts(OPERATION_DURATION, labels));
            Arc::new(Keys { total: total.to_retained(), duration: duration.to_retained() })
        });
        Arc::clone(made)
    }

    fn ended(&self, of: Of, took: Duration, status: Status, error: Option<&Error>) {
        let keys = self.keys(of, status);
        with_recorder(|recorder| {
            recorder.register_counter(&keys.total, &METADATA).increment(1);
            recorder.register_histogram(&keys.duration, &METADATA).record(took.as_secs_f64());
        });
        if status == Status::Error {
            self.failed(of, error);
        }
    }

    #[cold]
    fn failed(&self, of: Of, error: Option<&Error>) {
        let why = error.map_or("other".into(), error_type);
        let (pool, table) = (self.pool(), of.table());
        counter!(OPERATION_ERRORS, "pool" => pool, "operation" => of.operation, "table" => table, "error_type" => why)
            .increment(1);
    }

    /// Rows and bytes of COPY data that were sent or have come.
    pub(super) fn copied(&self, copied: &Copied) {
        let Copied { operation, table, direction, rows, bytes } = *copied;
        let way = match direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let labels = [
            Label::new("pool", self.pool()),
            Label::new("operation", operation),
            Label::new("table", Of::new(operation, table).table()),
            Label::new("direction", way),
        ];
        counter!(COPY_ROWS, labels.iter()).increment(rows);
        counter!(COPY_BYTES, labels.iter()).increment(bytes);
    }

    /// An operation waited for a connection.
    pub(crate) fn waited(&self, took: Duration) {
        histogram!(POOL_WAIT_DURATION, "pool" => self.pool()).record(took.as_secs_f64());
    }

    /// Something that failed by an error of this type is run again.
    pub(crate) fn repeated(&self, error_type: Cow<'static, str>) {
        counter!(RETRIES, "pool" => self.pool(), "error_type" => error_type).increment(1);
    }

    /// The breaker went to the state of this name and number.
    pub(crate) fn breaker(&self, to: &'static str, number: f64) {
        gauge!(BREAKER_STATE, "pool" => self.pool()).set(number);
        counter!(BREAKER_CHANGES, "pool" => self.pool(), "to" => to).increment(1);
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// The figures of one operation: when it began.
#[derive(Debug)]
pub(super) struct Measured(Option<Begun>);

#[derive(Debug)]
struct Begun {
    about: Arc<About>,
    of: Of,
    at: Instant,
}

impl Measured {
    pub(super) fn begin(about: &Arc<About>, operation: &'static str, table: Option<TableName<'static>>) -> Self {
        Self(Some(Begun { about: Arc::clone(about), of: Of::new(operation, table), at: Instant::now() }))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn copied(&self, copied: &Copied) {
        if let Some(begun) = &self.0 {
            begun.about.figures.copied(copied);
        }
    }

    pub(super) fn end(&mut self, status: Status, error: Option<&Error>) {
        if let Some(Begun { about, of, at }) = self.0.take() {
            about.figures.ended(of, at.elapsed(), status, error);
        }
    }
}
