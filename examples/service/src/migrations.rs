//! The schema's versions, by sqlx's migrator.

use std::borrow::Cow;
use std::sync::LazyLock;

use pgrepo::{Db, ErrorKind};
use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::airport::{Airport, Upload};

/// Each file of the folder `migrations`, by its number.
const FILES: [(i64, &str, &str); 2] = [
    (1, "airports", include_str!("../migrations/0001_airports.sql")),
    (2, "uploads", include_str!("../migrations/0002_uploads.sql")),
];

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let one = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(FILES.iter().map(one).collect())
});

/// Why the schema is not the one that this program was written for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Migrations wait.
    #[error(
        "the database lacks migration {version} ({name}): run `pgrepo-service migrate`, or set SERVICE_MIGRATE=yes"
    )]
    Pending {
        /// The first of them.
        version: i64,
        /// What it is called.
        name: String,
    },
    /// A migration was applied in another form.
    #[error(
        "migration {0} was applied in another form than this program has: the file was changed afterwards; put it back, \
         and write what changed as a new migration"
    )]
    Changed(i64),
    /// The database has one more than the program.
    #[error("the database has migration {0}, which this program does not know: a newer version of it has been here")]
    Unknown(i64),
    /// One stopped halfway.
    #[error("migration {0} was begun and has not ended: mend what it left, and delete its row of _sqlx_migrations")]
    Unfinished(i64),
    /// The migrator failed otherwise.
    #[error("the migrations failed")]
    Failed(#[source] MigrateError),
    /// The database could not be asked, or a table is not as its struct.
    #[error("the schema could not be checked")]
    Database(#[from] pgrepo::Error),
}

impl From<MigrateError> for SchemaError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMismatch(version) => Self::Changed(version),
            MigrateError::VersionMissing(version) => Self::Unknown(version),
            MigrateError::Dirty(version) => Self::Unfinished(version),
            other => Self::Failed(other),
        }
    }
}

/// Brings the schema up to this program's version. Several processes may do so at once: one does, the others wait.
///
/// # Errors
/// A migration that was changed, is not known or fails; or the database cannot be reached.
pub async fn run(db: &Db) -> Result<(), SchemaError> {
    // Closed afterwards, like any connection that was lent raw: with it goes the lock of a migrator that failed.
    let mut connection = db.raw().await?;
    Ok(MIGRATOR.run(&mut *connection).await?)
}

/// Looks whether the schema is at this program's version, and its tables as their structs; changes nothing.
///
/// # Errors
/// What is not as it should be.
pub async fn check(db: &Db) -> Result<(), SchemaError> {
    let applied = db.query("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version");
    let applied: Vec<(i64, Vec<u8>, bool)> = match applied.fetch_all().await {
        Ok(applied) => applied,
        Err(error) if error.kind() == ErrorKind::Query && error.sqlstate().is_some_and(|s| s.as_str() == "42P01") => {
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    for migration in MIGRATOR.iter() {
        match applied.iter().find(|(version, ..)| *version == migration.version) {
            None => {
                let (version, name) = (migration.version, migration.description.clone().into_owned());
                return Err(SchemaError::Pending { version, name });
            }
            Some((version, _, false)) => return Err(SchemaError::Unfinished(*version)),
            Some((version, checksum, true)) if *checksum != *migration.checksum => {
                return Err(SchemaError::Changed(*version));
            }
            Some(_) => {}
        }
    }
    if let Some((version, ..)) = applied.iter().find(|(version, ..)| !MIGRATOR.version_exists(*version)) {
        return Err(SchemaError::Unknown(*version));
    }
    for contract in pgrepo::verify_all!(db, Airport, Upload).await? {
        let _fits = contract.into_result()?;
    }
    Ok(())
}
