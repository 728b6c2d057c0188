//! Structs and their tables: the DDL of a struct, what differs, and the DDL that mends it.

mod altered;
mod everything;
mod mending;
mod odd;
mod program;
mod snapshots;

use pgrepo::{Contract, Difference};

/// The codes of all differences.
fn codes(contract: &Contract) -> Vec<&'static str> {
    contract.differences().iter().map(|one| one.kind.code()).collect()
}

/// The one difference of a contract.
fn only(contract: &Contract) -> &Difference {
    match contract.differences() {
        [one] => one,
        others => panic!("{} differences:\n{contract}", others.len()),
    }
}
