//! Who takes part.

use crate::task::Library;

/// One who takes part.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) library: Library,
    pub(crate) way: &'static str,
}

pub(super) const fn subject(name: &'static str, library: Library, way: &'static str) -> Subject {
    Subject { name, library, way }
}

pub(super) const HAND: Subject = subject("hand-written", Library::Raw, "");
pub(super) const RAW: Subject = subject("raw socket", Library::Raw, "");
pub(super) const PGREPO: Subject = subject("pgrepo", Library::Pgrepo, "");
pub(super) const TOKIO_POSTGRES: Subject = subject("tokio-postgres", Library::TokioPostgres, "");
pub(super) const SQLX: Subject = subject("sqlx", Library::Sqlx, "");
pub(super) const PIPELINED: Subject = subject("tokio-postgres, pipelined", Library::TokioPostgres, "pipelined");
pub(super) const PG_POOL: Subject = subject("sqlx PgPool", Library::Sqlx, "");
pub(super) const GET: Subject = subject("pgrepo, get", Library::Pgrepo, "");
pub(super) const DIESEL: Subject = subject("diesel-async", Library::Diesel, "");
pub(super) const ASYNCPG: Subject = subject("asyncpg", Library::Asyncpg, "");
pub(super) const PSYCOPG: Subject = subject("psycopg", Library::Psycopg, "");
pub(super) const PSQL: Subject = subject("psql", Library::Programs, "");
pub(super) const PGBENCH: Subject = subject("pgbench", Library::Programs, "");

pub(super) const INSERT_MANY: Subject = subject("pgrepo, insert_many", Library::Pgrepo, "insert_many");

pub(super) const CROSSOVER: &[Subject] = &[
    INSERT_MANY,
    subject("pgrepo, COPY", Library::Pgrepo, ""),
    subject("pgrepo, UNNEST", Library::Pgrepo, "unnest"),
    subject("sqlx, UNNEST", Library::Sqlx, "unnest"),
];

pub(super) const POOLS: &[Subject] = &[
    PGBENCH,
    PGREPO,
    subject("deadpool-postgres", Library::TokioPostgres, ""),
    subject("deadpool-postgres, verified", Library::TokioPostgres, "verified"),
    PG_POOL,
    DIESEL,
    ASYNCPG,
];

pub(super) const ENCODERS: &[Subject] = &[HAND, PGREPO, TOKIO_POSTGRES, SQLX];
