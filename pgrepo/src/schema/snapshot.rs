//! Tables as they were, in a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::table::{PgTable, TableMeta};

use super::contract::Contract;
use super::ddl::quoted;
#[cfg(feature = "registry")]
use super::registry;
use super::shape::TableShape;
use super::verify::fetch;

/// The form of the file, which a later version may change.
const FORMAT: u32 = 1;

/// The tables of structs as a database had them, as JSON: committed beside the program, it lets a test compare structs with
/// the schema without a server.
///
/// Defaults and constraints stand in it as the server writes them, which leaves out the schemas that are on the session's
/// `search_path`: write a file anew with the same one.
///
/// A test writes it where it is asked to, on a migrated database, and else compares:
///
/// ```no_run
/// # use pgrepo::{Db, PgTable, Snapshot};
/// # #[derive(PgTable)]
/// # #[pg(table = "users")]
/// # struct User { email: String }
/// // tests/schema.rs; written anew by: UPDATE_SCHEMA=1 cargo test --test schema
/// async fn structs_fit_the_schema() -> Result<(), Box<dyn std::error::Error>> {
///     let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.json");
///     if std::env::var_os("UPDATE_SCHEMA").is_some() {
///         let db = Db::from_env().await?;
///         let mut snapshot = Snapshot::default();
///         snapshot.add::<User>(&db).await?;
///         std::fs::write(file, snapshot.to_json()?)?;
///     }
///     let snapshot = Snapshot::from_json(&std::fs::read_to_string(file)?)?;
///     snapshot.verify::<User>().into_result()?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    format: u32,
    /// By their names as the structs write them, quoted.
    tables: BTreeMap<String, TableShape>,
}

impl Default for Snapshot {
    /// Without tables.
    fn default() -> Self {
        Self { format: FORMAT, tables: BTreeMap::new() }
    }
}

impl Snapshot {
    /// Takes in the table of a struct as a database has it.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`]: there is no such table; else as [`Db::verify`](crate::Db::verify).
    ///
    /// # Examples
    /// ```no_run
    /// # use pgrepo::{Db, PgTable, Snapshot};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// # async fn example(db: &Db) -> pgrepo::Result<()> {
    /// let mut snapshot = Snapshot::default();
    /// snapshot.add::<User>(db).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add<T: PgTable + ?Sized>(&mut self, on: impl Handle) -> Result<()> {
        self.take(on, &T::TABLE).await
    }

    /// Takes in the tables of all derived structs of the program, as [`verify_all!`](crate::verify_all) finds them.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// let mut snapshot = pgrepo::Snapshot::default();
    /// snapshot.add_all(db).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "registry")]
    pub async fn add_all(&mut self, mut on: impl Handle) -> Result<()> {
        for meta in registry::all() {
            self.take(on.reborrow(), &meta).await?;
        }
        Ok(())
    }

    async fn take(&mut self, on: impl Handle, meta: &TableMeta) -> Result<()> {
        let gone = || Error::new(ErrorKind::Mismatch, "there is no such table").during("snapshot").on_table(meta);
        let shape = fetch(on, meta).await?.ok_or_else(gone)?;
        self.tables.insert(quoted(meta), shape);
        Ok(())
    }

    /// Compares a struct with its table as the snapshot has it, by the rules of [`Db::verify`](crate::Db::verify). A table
    /// that was not taken in is missing.
    ///
    /// # Examples
    /// ```
    /// # use pgrepo::{PgTable, Snapshot};
    /// # #[derive(PgTable)]
    /// # #[pg(table = "users")]
    /// # struct User { email: String }
    /// assert!(!Snapshot::default().verify::<User>().is_ok());
    /// ```
    pub fn verify<T: PgTable + ?Sized>(&self) -> Contract {
        self.compare(&T::TABLE)
    }

    /// Compares all derived structs of the program, in the order of [`verify_all!`](crate::verify_all).
    ///
    /// # Examples
    /// ```
    /// let contracts = pgrepo::Snapshot::default().verify_all();
    /// assert!(contracts.iter().all(|contract| !contract.is_ok()));
    /// ```
    #[cfg(feature = "registry")]
    pub fn verify_all(&self) -> Vec<Contract> {
        registry::all().iter().map(|meta| self.compare(meta)).collect()
    }

    fn compare(&self, meta: &TableMeta) -> Contract {
        Contract::of(meta, self.tables.get(&quoted(meta)))
    }

    /// The file's text: the same for the same schema, so that a change shows in its lines.
    ///
    /// # Errors
    /// [`ErrorKind::Encode`]: the text cannot be made.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Snapshot;
    /// let text = Snapshot::default().to_json()?;
    /// assert_eq!(Snapshot::from_json(&text)?, Snapshot::default());
    /// # Ok::<(), pgrepo::Error>(())
    /// ```
    pub fn to_json(&self) -> Result<String> {
        let unmade = |e| Error::new(ErrorKind::Encode, "the snapshot cannot be written as JSON").caused_by(e);
        let mut text = serde_json::to_string_pretty(self).map_err(unmade)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`]: it is no snapshot, or one of another form; write it anew.
    ///
    /// # Examples
    /// ```
    /// assert!(pgrepo::Snapshot::from_json("{}").is_err());
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let unreadable = || Error::new(ErrorKind::Decode, "the text is no snapshot of this form: write it anew");
        let snapshot: Self = serde_json::from_str(text).map_err(|e| unreadable().caused_by(e))?;
        if snapshot.format == FORMAT { Ok(snapshot) } else { Err(unreadable()) }
    }
}
