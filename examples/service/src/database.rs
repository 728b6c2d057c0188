//! Which database: the one that the environment names, else one on a server of our own.

use pgrepo::DbConfig;
#[cfg(feature = "throwaway")]
use pgrepo::testkit::{Server, ServerOptions};

use crate::service::StartError;

/// Any of these names a database.
const NAMES: [&str; 4] = ["DATABASE_URL", "POSTGRES_HOST", "PGHOST", "PGSERVICE"];

/// A database, and the server that lives as long as this value, if it is one of our own.
pub struct Database {
    /// How to connect to it.
    pub config: DbConfig,
    #[cfg(feature = "throwaway")]
    server: Option<Server>,
}

impl Database {
    /// Finds the database: see [`DbConfig::from_env`]. Where no variable names one, and the feature `throwaway` is on, a
    /// server is started that is removed when the process ends.
    ///
    /// # Errors
    /// A variable cannot be meant, or none names a database, or no server can be started.
    pub async fn find() -> Result<Self, StartError> {
        let named = NAMES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if named {
            let mut config = DbConfig::from_env()?;
            if std::env::var_os("POSTGRES_APPLICATION_NAME").is_none() {
                "pgrepo-service".clone_into(&mut config.application_name);
            }
            return Ok(Self::named(config));
        }
        Self::own().await
    }

    /// What the log may say of it.
    pub fn describe(&self) -> String {
        #[cfg(feature = "throwaway")]
        if let Some(server) = &self.server {
            return format!("PostgreSQL {}, started for this run and removed after it", server.version());
        }
        let DbConfig { host, port, user, .. } = &self.config;
        format!("{user} on {host}, port {port}")
    }

    #[cfg(feature = "throwaway")]
    fn named(config: DbConfig) -> Self {
        Self { config, server: None }
    }

    #[cfg(not(feature = "throwaway"))]
    fn named(config: DbConfig) -> Self {
        Self { config }
    }

    #[cfg(feature = "throwaway")]
    async fn own() -> Result<Self, StartError> {
        let server = Server::start(ServerOptions::private()).await?;
        Ok(Self { config: DbConfig::from_url(&server.url("postgres"))?, server: Some(server) })
    }

    #[cfg(not(feature = "throwaway"))]
    async fn own() -> Result<Self, StartError> {
        Err(StartError::NoDatabase)
    }

    /// Waits until a server of our own is removed.
    pub async fn end(self) {
        #[cfg(feature = "throwaway")]
        if let Some(server) = self.server
            && let Err(error) = server.shutdown().await
        {
            tracing::warn!(%error, "the server that was started for this run is not removed yet");
        }
    }
}
