//! Structs in the least friendly surroundings: what the derives write must compile in all of them.
#![deny(warnings, missing_docs, clippy::pedantic, unused_qualifications, unreachable_pub)]

pub mod bare;
pub mod hostile;
pub mod plain;
