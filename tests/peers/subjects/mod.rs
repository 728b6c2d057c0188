//! Those who are measured. Each does its work as that library's own users would, at their best.

pub(crate) mod diesel;
pub(crate) mod pgrepo;
pub(crate) mod programs;
pub(crate) mod raw;
pub(crate) mod sqlx;
pub(crate) mod tokio_postgres;
