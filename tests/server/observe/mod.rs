//! What listeners are told of operations.

mod counted;
mod figures;
mod listener;
mod recorder;
mod spans;

use pgrepo::PgTable;

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(schema = "geo", table = "towns")]
pub(crate) struct Town {
    #[pg(primary_key)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) people: i32,
}

pub(crate) fn town(id: i64, name: &str) -> Town {
    Town { id, name: name.to_owned(), people: 1 }
}

pub(crate) fn towns(ids: std::ops::Range<i64>) -> Vec<Town> {
    ids.map(|id| town(id, &format!("new {id}"))).collect()
}
