use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::error::{Context, TestkitError};

/// A connection for the kit's own statements. This is the one file of the kit that runs SQL.
pub(super) struct Admin(PgConnection);

impl Admin {
    pub(super) async fn connect(url: &str) -> Result<Self, TestkitError> {
        let connection = PgConnection::connect(url).await.context(|| "the server does not let us in")?;
        Ok(Self(connection))
    }

    /// Runs a script: one or more statements without parameters.
    pub(super) async fn run(&mut self, script: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(script.to_owned())).execute(&mut self.0).await.map(drop)
    }

    pub(super) async fn server_version(&mut self) -> Result<String, TestkitError> {
        let version: String = sqlx::query_scalar("SELECT current_setting('server_version')")
            .fetch_one(&mut self.0)
            .await
            .context(|| "the server's version cannot be read")?;
        Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
    }

    pub(super) async fn is_backend(&mut self, pid: i32) -> Result<bool, TestkitError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)")
            .bind(pid)
            .fetch_one(&mut self.0)
            .await
            .context(|| "the server's sessions cannot be read")
    }

    /// Databases of the kit that an earlier process could not drop: an hour old, and nobody in them.
    pub(super) async fn abandoned(&mut self, prefix: &str, now: u64) -> Result<Vec<String>, TestkitError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT datname::text FROM pg_database d WHERE starts_with(datname::text, $1) \
             AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
        )
        .bind(format!("{prefix}_"))
        .fetch_all(&mut self.0)
        .await
        .context(|| "the server's databases cannot be read")?;
        let old = |name: &String| {
            let made = name[prefix.len() + 1..].split('_').next();
            made.and_then(|made| u64::from_str_radix(made, 16).ok()).is_some_and(|made| made + 3600 < now)
        };
        Ok(names.into_iter().filter(old).collect())
    }

    pub(super) async fn close(self) -> Result<(), TestkitError> {
        self.0.close().await.context(|| "the connection does not close")
    }
}

/// Quotes an identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
