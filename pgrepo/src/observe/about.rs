use std::sync::Arc;

use super::figures::Figures;

/// What is said of a database with each of its operations.
#[derive(Debug)]
pub(crate) struct About {
    /// The database's name.
    pub(super) namespace: String,
    /// A host, or a socket's folder.
    pub(super) address: String,
    pub(super) port: u16,
    /// Whether the texts of statements are told.
    pub(super) shows_sql: bool,
    pub(super) figures: Figures,
    /// The statements that tests count.
    #[cfg(all(feature = "testkit", unix))]
    pub(crate) statements: super::Statements,
}

impl About {
    pub(crate) fn new(address: &str, port: u16, namespace: &str, shows_sql: bool) -> Arc<Self> {
        // The name that OpenTelemetry gives to a pool that has none.
        let figures = Figures::new(format!("{address}:{port}/{namespace}"));
        Arc::new(Self {
            namespace: namespace.to_owned(),
            address: address.to_owned(),
            port,
            shows_sql,
            figures,
            #[cfg(all(feature = "testkit", unix))]
            statements: super::Statements::default(),
        })
    }

    /// Whether the texts of statements are told.
    pub(crate) fn shows_sql(&self) -> bool {
        self.shows_sql
    }

    /// The figures of this database.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }
}
