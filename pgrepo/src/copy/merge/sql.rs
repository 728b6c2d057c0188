//! The text of a merge's statements.

use crate::table::{ColumnMeta, Name, Place, literal, quote_ident, sql};

use super::What;

/// The table that the rows are copied into first, as the server's errors name it: no table of anybody else's has this name.
pub(crate) const STAGE: &str = "pgrepo: merge";

/// The same in statements: the session's own, whatever else there is.
const STAGED: &str = "pg_temp.\"pgrepo: merge\"";

/// What became of a row, by its number; of one that is inserted nothing is noted.
const MARKS: &str = "pg_temp.\"pgrepo: marks\"";

/// The first number of the advisory lock of a table's merges, the letters "pgre"; the second one is the table's.
const MERGING: i32 = 0x7067_7265;

/// The marks: the row is in the way of another, is to be changed or deleted, or is as it should be.
pub(super) const DUPLICATE: &str = "d";
pub(super) const CHANGED: &str = "c";
pub(super) const SAME: &str = "s";
/// What is read of rows without a mark, and of those that are not there.
pub(super) const INSERTED: &str = "i";
pub(super) const MISSING: &str = "m";
/// What is read of rows that were deleted.
pub(super) const DELETED: &str = "x";

/// What the statements name, quoted.
pub(super) struct Statements {
    table: String,
    /// The columns that are sent.
    sent: Vec<String>,
    key: Vec<String>,
    /// The key's names as values.
    key_names: String,
    /// The names of all other columns that are sent, as values.
    other_names: String,
    /// The columns that are updated, the version apart.
    updated: Vec<String>,
    version: Option<String>,
    /// The column that numbers the rows.
    number: String,
    pub(super) what: What,
    /// Whether the key is an identity column, which the rows number themselves.
    numbered: bool,
}

/// What a merge writes.
pub(super) struct Columns<'a> {
    /// All that the table has, as its struct says.
    pub(super) all: &'a [ColumnMeta],
    pub(super) sent: Vec<&'a Name>,
    pub(super) key: &'a [Name],
    pub(super) updated: Vec<&'a Name>,
    pub(super) version: Option<&'a Name>,
    pub(super) what: What,
    pub(super) numbered: bool,
}

/// Which of the rows that were copied a statement is about.
#[derive(Debug)]
pub(crate) enum Part {
    All,
    /// Those with the numbers from one to another, but for these.
    Between(u64, u64, Vec<u64>),
    /// Those with these numbers.
    Only(Vec<u64>),
}

impl Part {
    /// A further condition on the column that numbers them.
    fn and(&self, number: &str) -> String {
        match self {
            Self::All => String::new(),
            Self::Between(first, last, but) if but.is_empty() => format!(" AND {number} BETWEEN {first} AND {last}"),
            Self::Between(first, last, but) => {
                format!(" AND {number} BETWEEN {first} AND {last} AND {number} <> ALL ({})", numbers(but))
            }
            Self::Only(these) => format!(" AND {number} = ANY ({})", numbers(these)),
        }
    }
}

fn numbers(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("'{{{}}}'::pg_catalog.int8[]", numbers.join(","))
}

impl Statements {
    pub(super) fn new(place: &Place, columns: &Columns<'_>) -> Self {
        let mut number = "pgrepo: number".to_owned();
        while columns.all.iter().any(|meta| meta.spec.name == *number) {
            number.push('+');
        }
        Self {
            table: place.quoted(),
            sent: columns.sent.iter().map(|name| quoted(name)).collect(),
            key: columns.key.iter().map(quoted).collect(),
            key_names: values(columns.key.iter()),
            other_names: values(columns.sent.iter().copied().filter(|name| !columns.key.contains(name))),
            updated: columns.updated.iter().map(|name| quoted(name)).collect(),
            version: columns.version.map(quoted),
            number: quote_ident(&number),
            what: columns.what,
            numbered: columns.numbered,
        }
    }

    /// Makes the tables of the merge, and asks what the target is: its kind, whether the key is a unique set of it, and
    /// whether something else that is sent is unique as well, or excludes others.
    pub(super) fn open(&self) -> String {
        let not_null = list(&self.key, ", ", |k| format!("ALTER COLUMN {k} SET NOT NULL"));
        format!(
            "CREATE TEMPORARY TABLE {STAGED} ON COMMIT DROP AS SELECT {sent}, 0::pg_catalog.int8 AS {number} \
             FROM {table} WITH NO DATA; ALTER TABLE {STAGED} {not_null}; \
             CREATE TEMPORARY TABLE {MARKS} (n pg_catalog.int8, mark pg_catalog.text) ON COMMIT DROP; \
             SELECT c.relkind, EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique \
             AND i.indisvalid AND i.indimmediate AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL \
             AND i.indnkeyatts = {count} AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]) \
             AND a.attname = ANY (ARRAY[{names}]::pg_catalog.name[])) = {count}), \
             EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) \
             AND (i.indexprs IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid \
             AND a.attnum = ANY (i.indkey::pg_catalog.int2[]) AND a.attname = ANY (ARRAY[{others}]::pg_catalog.name[])))) \
             FROM pg_catalog.pg_class c WHERE c.oid = {oid}::pg_catalog.regclass",
            sent = self.sent.join(", "),
            number = self.number,
            table = self.table,
            count = self.key.len(),
            names = self.key_names,
            others = self.other_names,
            oid = literal(&self.table),
        )
    }

    pub(super) fn copy(&self) -> String {
        format!("COPY {STAGED} ({}, {}) FROM STDIN (FORMAT binary)", self.sent.join(", "), self.number)
    }

    /// The rows whose key an earlier one has, the first of them first: the numbers of both.
    pub(super) fn duplicates(&self) -> String {
        let Self { number, .. } = self;
        format!(
            "SELECT r.earlier, r.n FROM (SELECT {number} AS n, pg_catalog.lag({number}) \
             OVER (PARTITION BY {} ORDER BY {number}) AS earlier FROM {STAGED}) AS r \
             WHERE r.earlier IS NOT NULL ORDER BY r.n",
            self.key.join(", ")
        )
    }

    /// Marks all rows but the first, or the last, of those with the same key.
    pub(super) fn mark_duplicates(&self, last_wins: bool) -> String {
        let Self { number, .. } = self;
        let order = if last_wins { " DESC" } else { "" };
        format!(
            "INSERT INTO {MARKS} SELECT r.n, '{DUPLICATE}' FROM (SELECT {number} AS n, pg_catalog.row_number() \
             OVER (PARTITION BY {} ORDER BY {number}{order}) AS place FROM {STAGED}) AS r WHERE r.place > 1",
            self.key.join(", ")
        )
    }

    /// Locks the rows that are there, in the order of their keys, and marks each by whether it is to be changed; returns
    /// how many are, and how many are not.
    ///
    /// The mark is worked out of what the row is when the lock is held, and not of what the statement saw at first
    /// (<https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED>).
    pub(super) fn find(&self, part: &Part) -> String {
        let Self { table, number, .. } = self;
        let by_key = format!(" ORDER BY {}", qualified("s", &self.key));
        let (mark, lock) = match self.what {
            What::Delete => (format!("'{CHANGED}'"), format!("{by_key} FOR UPDATE OF t")),
            _ if self.updated.is_empty() => (format!("'{SAME}'"), String::new()),
            _ => {
                let (old, new) = (qualified("t", &self.updated), qualified("s", &self.updated));
                let mark =
                    format!("CASE WHEN ROW({old})::record *<> ROW({new})::record THEN '{CHANGED}' ELSE '{SAME}' END");
                (mark, format!("{by_key} FOR NO KEY UPDATE OF t"))
            }
        };
        format!(
            "INSERT INTO {MARKS} SELECT s.{number}, {mark} FROM {table} AS t JOIN {STAGED} AS s ON {same} \
             WHERE {unmarked}{lock}; \
             SELECT pg_catalog.count(*) FILTER (WHERE mark = '{CHANGED}'), \
             pg_catalog.count(*) FILTER (WHERE mark = '{SAME}') FROM {MARKS} WHERE true{}",
            part.and("n"),
            same = self.same(),
            unmarked = self.unmarked(part),
        )
    }

    /// Updates or deletes the rows that are marked so, all of which are locked.
    pub(super) fn change(&self, part: &Part) -> String {
        if self.what == What::Delete {
            return self.delete(part);
        }
        let mut set = list(&self.updated, ", ", |c| format!("{c} = s.{c}"));
        if let Some(version) = &self.version {
            set.push_str(&format!(", {version} = t.{version} + 1"));
        }
        format!(
            "UPDATE {} AS t SET {set} FROM {STAGED} AS s JOIN {MARKS} AS m ON m.n = s.{} \
             WHERE m.mark = '{CHANGED}' AND {}{}",
            self.table,
            self.number,
            self.same(),
            part.and("m.n")
        )
    }

    fn delete(&self, part: &Part) -> String {
        format!(
            "DELETE FROM {} AS t USING {STAGED} AS s JOIN {MARKS} AS m ON m.n = s.{} WHERE m.mark = '{CHANGED}' AND {}{}",
            self.table,
            self.number,
            self.same(),
            part.and("m.n")
        )
    }

    /// Deletes the rows, and reads of each that was copied what was there, in the order in which they came.
    pub(super) fn delete_read(&self, columns: impl Iterator<Item = Name>) -> String {
        let columns: Vec<String> = columns.map(|name| quoted(&name)).collect();
        let places = || 0..columns.len();
        let named = list(&places().map(|n| format!("c{n}")).collect::<Vec<_>>(), "", |c| format!(", {c}"));
        let read: String = columns.iter().zip(places()).map(|(column, n)| format!("g.c{n} AS {column}, ")).collect();
        format!(
            "WITH g(n{named}) AS ({} RETURNING m.n{}) SELECT {read}CASE WHEN g.n IS NULL THEN '{MISSING}' ELSE '{DELETED}' END \
             || s.{number} AS {number} FROM {STAGED} AS s LEFT JOIN g ON g.n = s.{number} ORDER BY s.{number}",
            self.delete(&Part::All),
            list(&columns, "", |column| format!(", t.{column}")),
            number = self.number,
        )
    }

    /// Inserts the rows without a mark, in the order of their keys.
    pub(super) fn insert(&self, part: &Part) -> String {
        format!(
            "INSERT INTO {} ({}){} SELECT {} FROM {STAGED} AS s WHERE {} ORDER BY {} ON CONFLICT ({}) DO NOTHING",
            self.table,
            self.sent.join(", "),
            if self.numbered { " OVERRIDING SYSTEM VALUE" } else { "" },
            qualified("s", &self.sent),
            self.unmarked(part),
            qualified("s", &self.key),
            self.key.join(", "),
        )
    }

    /// The first of the rows that were neither there nor are there now.
    pub(super) fn first_absent(&self, part: &Part) -> String {
        format!(
            "SELECT pg_catalog.min(s.{}) FROM {STAGED} AS s WHERE {} AND NOT EXISTS (SELECT FROM {} AS t WHERE {})",
            self.number,
            self.unmarked(part),
            self.table,
            self.same()
        )
    }

    /// Whether row-level security applies to the role.
    pub(super) fn is_secured(&self) -> String {
        format!("SELECT pg_catalog.row_security_active({}::pg_catalog.regclass)", literal(&self.table))
    }

    /// Each row of a part as it is now, in the order in which they came, with what became of it and its number.
    pub(super) fn read(&self, columns: impl Iterator<Item = Name>, part: &Part) -> String {
        let columns: Vec<String> = columns.map(|name| quoted(&name)).collect();
        let unmarked = if self.what == What::Merge { INSERTED } else { MISSING };
        // A key that is compared is never NULL, so that one that is NULL stands for no row.
        let there = self.key.first().map_or("NULL", String::as_str);
        format!(
            "SELECT {}, CASE WHEN t.{there} IS NULL THEN '{MISSING}' ELSE COALESCE(m.mark, '{unmarked}') END || s.{number} AS {number} \
             FROM {STAGED} AS s LEFT JOIN {MARKS} AS m ON m.n = s.{number} LEFT JOIN {} AS t ON {} WHERE true{} \
             ORDER BY s.{number}",
            qualified("t", &columns),
            self.table,
            self.same(),
            part.and(&format!("s.{}", self.number)),
            number = self.number,
        )
    }

    /// How many rows of a part are without a mark.
    pub(super) fn count(&self, part: &Part) -> String {
        format!("SELECT pg_catalog.count(*) FROM {STAGED} AS s WHERE {}", self.unmarked(part))
    }

    /// Waits until nobody merges the table's rows alone; or, to merge them alone, until nobody merges them.
    pub(super) fn wait(&self, alone: bool) -> String {
        self.merging(if alone { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" })
    }

    /// Waits until nobody merges rows of the table, and keeps others from it until the transaction ends: parts are not
    /// merged in the order of their keys. Makes small parts of many rows quick to find.
    pub(super) fn prepare(&self) -> String {
        let (number, exclude) = (&self.number, self.wait(true));
        format!(
            "{exclude}; CREATE INDEX ON {STAGED} ({number}); CREATE INDEX ON {MARKS} (n); ANALYZE {STAGED}, {MARKS}"
        )
    }

    fn merging(&self, lock: &str) -> String {
        let table = literal(&self.table);
        // Of a partition that of all of them.
        format!(
            "SELECT pg_catalog.{lock}({MERGING}, COALESCE(pg_catalog.pg_partition_root({table}::pg_catalog.regclass), \
             {table}::pg_catalog.regclass)::pg_catalog.oid::pg_catalog.int4)"
        )
    }

    /// The end of the merge's tables, in a transaction that goes on.
    pub(super) fn close() -> String {
        format!("DROP TABLE {STAGED}, {MARKS}")
    }

    fn same(&self) -> String {
        list(&self.key, " AND ", |k| format!("t.{k} = s.{k}"))
    }

    fn unmarked(&self, part: &Part) -> String {
        let number = format!("s.{}", self.number);
        format!("NOT EXISTS (SELECT FROM {MARKS} AS m WHERE m.n = {number}){}", part.and(&number))
    }
}

/// Names as values, with commas.
fn values<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    names.map(|name| literal(&name.to_string())).collect::<Vec<_>>().join(", ")
}

fn quoted(name: &Name) -> String {
    sql::text(|out| sql::name(out, 0, name))
}

fn qualified(alias: &str, names: &[String]) -> String {
    list(names, ", ", |name| format!("{alias}.{name}"))
}

fn list(names: &[String], between: &str, one: impl Fn(&String) -> String) -> String {
    names.iter().map(one).collect::<Vec<_>>().join(between)
}
