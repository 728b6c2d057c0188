//! Loads that hand bad rows back: a table with every sort of rule, and rows that break one of them each.

mod ends;
mod kinds;
mod merge_ends;
mod merge_waits;
mod merges;
mod options;
mod planted;
mod references;
mod sinks;

use pgrepo::{Db, PgTable, Rejected};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

/// One row is there: its code, rank and slot are taken.
const PARCEL: &str = r#"
CREATE TABLE owner (id int4 PRIMARY KEY);
INSERT INTO owner SELECT generate_series(1, 100);
CREATE DOMAIN grade AS int4 CONSTRAINT graded CHECK (VALUE BETWEEN 1 AND 5);
CREATE TABLE parcel (
    id int8 PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    amount int4 NOT NULL CHECK (amount > 0),
    grade grade NOT NULL,
    label varchar(12) NOT NULL,
    price numeric(6, 2) NOT NULL,
    doc jsonb NOT NULL,
    owner int4 NOT NULL REFERENCES owner,
    second int4 NOT NULL REFERENCES owner DEFERRABLE INITIALLY DEFERRED,
    rank int8 NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
    slot int8,
    note text NOT NULL,
    CONSTRAINT apart EXCLUDE USING gist (int8range(slot, slot + 10) WITH &&) WHERE (slot IS NOT NULL)
);
INSERT INTO parcel VALUES (-1, 'taken', 'first', 1, 1, '', 0, '{}', 1, 1, -1, -1000, '');
"#;

const TRIGGER: &str = "
CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this is forbidden' USING COLUMN = 'note'; END $$;
CREATE TRIGGER forbid BEFORE INSERT ON parcel FOR EACH ROW WHEN (NEW.note = 'forbidden') EXECUTE FUNCTION forbid();
";

#[derive(Debug, Clone, PgTable, Serialize)]
#[pg(table = "parcel")]
struct Parcel {
    #[pg(primary_key)]
    id: i64,
    code: String,
    name: Option<String>,
    amount: i32,
    grade: i32,
    label: String,
    price: Decimal,
    doc: Box<RawValue>,
    owner: i32,
    second: i32,
    rank: i64,
    slot: Option<i64>,
    note: String,
}

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// A row that is good; some have a slot.
fn parcel(id: i64) -> Parcel {
    let document = format!(r#"{{"id": {id}}}"#);
    Parcel {
        id,
        code: format!("c{id}"),
        name: Some("name".to_owned()),
        amount: 1,
        grade: i32::try_from(id % 5).unwrap() + 1,
        label: format!("l{id}"),
        price: Decimal::new(id % 1000, 2),
        doc: json(&document),
        owner: i32::try_from(id % 100).unwrap() + 1,
        second: i32::try_from(id % 7).unwrap() + 1,
        rank: id,
        slot: (id % 50 == 0).then_some(id * 20),
        note: String::new(),
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Taken,
    Twice,
    Check,
    NotNull,
    Domain,
    Exclusion,
    Trigger,
    Nul,
    Escape,
    TooLong,
    Overflow,
    Encode,
    ForeignKey,
    DeferredKey,
    DeferredUnique,
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::Taken,
        Self::Twice,
        Self::Check,
        Self::NotNull,
        Self::Domain,
        Self::Exclusion,
        Self::Trigger,
        Self::Nul,
        Self::Escape,
        Self::TooLong,
        Self::Overflow,
        Self::Encode,
        Self::ForeignKey,
        Self::DeferredKey,
        Self::DeferredUnique,
    ];

    /// Spoils a row; `good` is an earlier one that is good.
    fn spoil(self, row: &mut Parcel, good: &Parcel) {
        match self {
            Self::Taken => row.code = "taken".to_owned(),
            Self::Twice => row.code.clone_from(&good.code),
            Self::Check => row.amount = 0,
            Self::NotNull => row.name = None,
            Self::Domain => row.grade = 6,
            Self::Exclusion => row.slot = Some(good.slot.unwrap_or(-1000) + 3),
            Self::Trigger => "forbidden".clone_into(&mut row.note),
            Self::Nul => row.doc = json(r#"{"a": "\u0000"}"#),
            Self::Escape => row.doc = json(r#"["\ud800"]"#),
            Self::TooLong => "more than twelve".clone_into(&mut row.label),
            Self::Overflow => row.price = Decimal::new(10_000, 0),
            Self::Encode => row.label = "a\0b".to_owned(),
            Self::ForeignKey => row.owner = 1000,
            Self::DeferredKey => row.second = 1000,
            Self::DeferredUnique => row.rank = good.rank,
        }
    }

    /// The SQLSTATE, the constraint and the field.
    fn expected(self) -> (Option<&'static str>, Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Taken | Self::Twice => (Some("23505"), Some("parcel_code_key"), None),
            Self::Check => (Some("23514"), Some("parcel_amount_check"), None),
            Self::NotNull => (Some("23502"), None, Some("name")),
            Self::Domain => (Some("23514"), Some("graded"), Some("grade")),
            Self::Exclusion => (Some("23P01"), Some("apart"), None),
            Self::Trigger => (Some("P0001"), None, Some("note")),
            Self::Nul => (Some("22P05"), None, Some("doc")),
            Self::Escape => (Some("22P02"), None, Some("doc")),
            Self::TooLong => (Some("22001"), None, Some("label")),
            Self::Overflow => (Some("22003"), None, Some("price")),
            Self::Encode => (None, None, Some("label")),
            Self::ForeignKey => (Some("23503"), Some("parcel_owner_fkey"), None),
            Self::DeferredKey => (Some("23503"), Some("parcel_second_fkey"), None),
            Self::DeferredUnique => (Some("23505"), Some("parcel_rank_key"), None),
        }
    }

    /// Checks that a reject says so.
    fn check<R>(self, reject: &Rejected<R>) {
        let state = reject.sqlstate();
        let said = (state.as_ref().map(pgrepo::SqlState::as_str), reject.constraint(), reject.field());
        assert_eq!(said, self.expected(), "{self:?}: {:?}", reject.error);
        assert_eq!(reject.error.row(), Some(reject.index), "{:?}", reject.error);
        assert_eq!(reject.error.table(), Some("parcel"));
    }
}

async fn set_up(db: &Db) {
    db.execute_script(PARCEL).await.unwrap();
}

/// The numbers of the rejects that a channel hands over, until it is closed.
async fn received<R>(mut channel: tokio::sync::mpsc::Receiver<Rejected<R>>) -> Vec<u64> {
    let mut told = Vec::new();
    while let Some(reject) = channel.recv().await {
        told.push(reject.index);
    }
    told
}

/// The rows that are stored, but for the one that was there.
async fn stored(db: &Db) -> Vec<i64> {
    db.query("SELECT id FROM parcel WHERE id >= 0 ORDER BY id").fetch_all().await.unwrap()
}
