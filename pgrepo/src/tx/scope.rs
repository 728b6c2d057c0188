//! As whom, where and with which settings a transaction runs.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::pool::Db;
use crate::table::{MAX_IDENTIFIER, literal, quote_ident};

use super::closure::{TxFn, TxOnce};
use super::{Tx, TxOptions};

/// A role, schemas and settings that hold for one transaction: what [`Db::scope`] takes.
///
/// The server is told all of it in the message that begins the transaction, so that a scope costs no round trip, by
/// `SET LOCAL ROLE` and `set_config(…, true)`: nothing of it is left on the connection afterwards, however the transaction
/// ends, also behind a pooler in transaction mode.
///
/// With row-level security a setting tells the policy whose rows are meant
/// (<https://www.postgresql.org/docs/current/ddl-rowsecurity.html>):
///
/// ```sql
/// ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
/// CREATE POLICY own ON orders USING (tenant = current_setting('app.tenant')::int8);
/// GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO app;
/// ```
///
/// A statement outside of a scope is refused by such a policy: the setting is unknown there (42704), or an empty text on a
/// connection that knew it once (22P02). With `nullif(current_setting('app.tenant', true), '')::int8` it sees no rows instead.
///
/// What a policy does not hold back: the table's owner, unless the table has `FORCE ROW LEVEL SECURITY`; superusers and
/// roles with `BYPASSRLS`, so enter a role that is neither. SQL that runs in the scope may change it again (`SET LOCAL`,
/// `RESET ROLE` on the raw connection, a function that calls `set_config`): a scope keeps one's own code in its bounds, and
/// not code that is hostile.
///
/// A struct whose `#[pg(schema = "…")]` names a schema stays there; one without is looked for in the scope's. Statements are
/// prepared once for a connection, so the tables of the same name in several schemas must have columns of the same types: an
/// enum or a domain belongs into a schema that they share, and not into each.
///
/// The server takes its first look at the data with a scope that has schemas or settings, so that a transaction of
/// `REPEATABLE READ` sees what was committed when it began, and not before its first statement.
///
/// # Examples
/// ```no_run
/// # #[derive(pgrepo::PgTable)]
/// # #[pg(table = "orders")]
/// # struct Order { #[pg(primary_key)] id: i64, total: i64 }
/// # async fn example(db: &pgrepo::Db, tenant: i64) -> pgrepo::Result<()> {
/// use pgrepo::Scope;
///
/// let scope = Scope::role("app").set("app.tenant", tenant);
/// let orders = db.scope(scope).transaction(async |tx| tx.repository::<Order>().all().fetch_all().await).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Scope {
    role: Option<String>,
    schemas: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Scope {
    /// A scope in which statements run as this role. The role of the connection must be a member of it.
    ///
    /// A scope that keeps the connection's role begins with `Scope::default()`.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Scope;
    /// let scope = Scope::role("reports");
    /// let same_role = Scope::default().schema("t42");
    /// ```
    pub fn role(role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), ..Self::default() }
    }

    /// Looks for tables, types and functions without a schema in this one, and then in those of further calls; nowhere else
    /// but in the server's own. So what lies in `public`, as extensions often do, needs a call for that, too.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Scope;
    /// let scope = Scope::role("app").schema("t42").schema("public");
    /// ```
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schemas.push(schema.into());
        self
    }

    /// Sets a setting, as a rule one of your own with a dot in its name: policies, defaults and functions read it by
    /// `current_setting('app.tenant')`. It is a text there. The value is not shown in `Debug` nor in errors of pgrepo's.
    ///
    /// # Examples
    /// ```
    /// use pgrepo::Scope;
    /// let scope = Scope::role("app").set("app.tenant", 42).set("statement_timeout", "2s");
    /// assert_eq!(format!("{scope:?}"), "Scope { role: Some(\"app\"), schemas: [], settings: [\"app.tenant\", \"statement_timeout\"] }");
    /// ```
    pub fn set(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// What is sent behind BEGIN; nothing where there is nothing to be said. It gives one row: the schemas that there are
    /// not, or that the role may not look into.
    pub(super) fn sql(&self) -> Result<String> {
        self.check()?;
        let mut sql = String::new();
        if let Some(role) = &self.role {
            sql.push_str(&format!("; SET LOCAL ROLE {}", quote_ident(role)));
        }
        if self.schemas.is_empty() && self.settings.is_empty() {
            return Ok(sql);
        }
        let set =
            |name: &str, value: &str| format!(", pg_catalog.set_config({}, {}, true)", literal(name), literal(value));
        let names = self.schemas.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        sql.push_str(&format!(
            "; SELECT (SELECT pg_catalog.string_agg(s.name, ', ') FROM pg_catalog.unnest(ARRAY[{names}]::text[]) AS s (name) \
             LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name \
             WHERE n.oid IS NULL OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE'))"
        ));
        if !self.schemas.is_empty() {
            sql.push_str(&set("search_path", &self.path()));
        }
        for (name, value) in &self.settings {
            sql.push_str(&set(name, value));
        }
        Ok(sql)
    }

    /// The `search_path`; nothing where it is left as it is.
    pub(super) fn path(&self) -> String {
        self.schemas.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        let names = self.role.iter().chain(&self.schemas).chain(self.settings.iter().map(|(name, _)| name));
        for name in names {
            if name.is_empty() || name.contains('\0') {
                return wrong("a role, schema or setting of a scope has no name, or a zero byte in it".to_owned());
            }
        }
        // The server would cut it off, and enter another role that is called so.
        if let Some(name) = self.role.iter().chain(&self.schemas).find(|name| name.len() > MAX_IDENTIFIER) {
            return wrong(format!(
                "the name {name} of a role or schema is longer than {MAX_IDENTIFIER} bytes: there is none"
            ));
        }
        if self.schemas.iter().any(|name| name == "$user") {
            let message =
                "the schema $user of a search_path is that of the role, whichever it is: name the schema itself";
            return wrong(message.to_owned());
        }
        if self.role.as_deref() == Some("none") {
            return wrong("none is no role: it would be the connection's own again; leave Scope::role out".to_owned());
        }
        for (name, value) in &self.settings {
            let known = match &*name.to_ascii_lowercase() {
                "role" | "session_authorization" => Some("the role of a scope is set by Scope::role"),
                "search_path" => Some("the schemas of a scope are set by Scope::schema"),
                "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => {
                    Some("how a transaction is begun is set by TxOptions")
                }
                "client_encoding" => Some("the text of a connection of pgrepo's is UTF-8"),
                _ => None,
            };
            if let Some(known) = known {
                return wrong(known.to_owned());
            }
            let part = |part: &str| {
                part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
            };
            if !name.split('.').all(part) {
                return wrong(format!("{name} is no name of a setting: letters, digits and _, as in app.tenant"));
            }
            if value.contains('\0') {
                return wrong(format!("the value of {name} has a zero byte in it, which the server cannot store"));
            }
        }
        Ok(())
    }

    /// Under what the session keeps what it was told of tables by their names.
    pub(super) fn place(&self) -> String {
        format!("{}.{}", self.role.as_deref().map(quote_ident).unwrap_or_default(), self.path())
    }

    /// The error of a server that did not let anybody in; another of its errors is as it is.
    pub(super) fn refused(&self, error: Error) -> Error {
        let of_a_scope = |state: &str| matches!(state, "42501" | "42704" | "55P02") || state.starts_with("22");
        if !error.sqlstate().is_some_and(|state| of_a_scope(state.as_str())) {
            return error;
        }
        let role = self
            .role
            .as_ref()
            .filter(|_| error.sqlstate().is_some_and(|state| matches!(state.as_str(), "42501" | "22023")));
        let message = match role {
            Some(role) => format!(
                "the scope could not be entered, and nothing was run; the role of the connection must be a member of {role} \
                 (GRANT … TO …) and may set what the scope sets"
            ),
            None => "the scope could not be entered, and nothing was run".to_owned(),
        };
        Error::new(ErrorKind::Config, message).caused_by(error)
    }

    /// The error of schemas that are not there.
    pub(super) fn without(missing: &str) -> Error {
        let message = format!("there is no schema {missing}, or the role may not use it, and nothing was run");
        Error::new(ErrorKind::Config, message)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings: Vec<&str> = self.settings.iter().map(|(name, _)| &**name).collect();
        let mut shown = f.debug_struct("Scope");
        shown.field("role", &self.role).field("schemas", &self.schemas).field("settings", &settings).finish()
    }
}

/// A database seen from a [`Scope`]: what is run on it runs in transactions that are in the scope.
#[derive(Debug, Clone)]
pub struct Scoped<'d> {
    db: &'d Db,
    scope: Scope,
}

impl Db {
    /// Has transactions run in a scope: as another role, in other schemas, with settings of their own.
    ///
    /// Nothing is sent before a transaction begins.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Scope;
    /// let tenant = db.scope(Scope::role("app").schema("t42").set("app.tenant", 42));
    /// let mut tx = tenant.begin().await?;
    /// let orders: i64 = tx.query("SELECT count(*) FROM orders").fetch_val().await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope(&self, scope: Scope) -> Scoped<'_> {
        Scoped { db: self, scope }
    }
}

impl<'d> Scoped<'d> {
    fn options(&self, options: TxOptions) -> TxOptions {
        TxOptions { scope: Some(self.scope.clone()), ..options }
    }

    /// Begins a transaction in the scope: see [`Db::begin`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the scope cannot be entered, and nothing was run: the role may not be set, a schema is not
    /// there or may not be used, or the server refused a setting; else as [`Db::begin`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind: its connection is closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Scope;
    /// let mut tx = db.scope(Scope::role("reports")).begin().await?;
    /// tx.rollback().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_with(TxOptions::default()).await
    }

    /// [`begin`](Self::begin) with options: see [`Db::begin_with`]. The scope takes the place of one in them.
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`Db::begin_with`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind: its connection is closed.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Scope, TxOptions};
    /// let mut tx = db.scope(Scope::role("reports")).begin_with(TxOptions::default().read_only()).await?;
    /// tx.rollback().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn begin_with(&self, options: TxOptions) -> Result<Tx> {
        self.db.begin_with(self.options(options)).await
    }

    /// Runs a closure in a transaction in the scope, once: see [`Db::transaction`].
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`Db::transaction`].
    ///
    /// # Cancel safety
    /// As [`Db::transaction`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::Scope;
    /// let scope = Scope::default().set("app.tenant", 42);
    /// db.scope(scope).transaction(async |tx| tx.query("DELETE FROM drafts").execute().await).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<F, T, E>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'d, F, T, E>
    where
        for<'t> F: AsyncFnOnce(&'t mut Tx) -> Result<T, E> + TxOnce<&'t mut Tx, Result<T, E>, Fut: Send> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        self.db.run_once(self.options(TxOptions::default()), work)
    }

    /// Runs a closure in a transaction in the scope, and again where that may help: see [`Db::transaction_with`].
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`Db::transaction_with`].
    ///
    /// # Cancel safety
    /// As [`Db::transaction_with`].
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(db: &pgrepo::Db) -> pgrepo::Result<()> {
    /// use pgrepo::{Isolation, Scope, TxOptions};
    /// let options = TxOptions::default().isolation(Isolation::Serializable);
    /// let tenant = db.scope(Scope::role("app").set("app.tenant", 42));
    /// tenant.transaction_with(options, async |tx| tx.query("UPDATE stock SET n = n - 1").execute().await).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction_with<F, T, E>(
        &self,
        options: TxOptions,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<'d, F, T, E>
    where
        for<'t> F: AsyncFn(&'t mut Tx) -> Result<T, E> + TxFn<&'t mut Tx, Result<T, E>, Fut: Send> + Send + Sync,
        T: Send,
        E: From<Error> + Send,
    {
        self.db.transaction_with(self.options(options), work)
    }
}
