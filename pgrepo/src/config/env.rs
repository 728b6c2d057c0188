use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::near::nearest;
use super::settings::{Draft, SETTINGS, Setting, Source, wrong, yes};
use super::tls::TlsMode;
use super::{DbConfig, url};
use crate::error::Result;

/// An environment, given as a map so that tests need not change the process's own.
pub(super) struct Environment {
    /// What each variable's name begins with.
    prefix: String,
    variables: BTreeMap<String, OsString>,
}

/// libpq's variables that decide where a connection goes or how far it is trusted, and that pgrepo has no setting for: the
/// values that ask for nothing, and what to do instead.
const NOT_KEPT: [(&str, &[&str], &str); 12] = [
    ("PGSERVICE", &[], "set PGHOST, PGPORT, PGUSER and PGDATABASE"),
    ("PGHOSTADDR", &[], "set PGHOST, which may be an address"),
    ("PGOPTIONS", &[], "use the settings of DbConfig, or ALTER ROLE … SET"),
    ("PGTARGETSESSIONATTRS", &["any"], "set PGHOST to the server that is meant"),
    ("PGLOADBALANCEHOSTS", &["disable"], "set PGHOST to the server that is meant"),
    ("PGREQUIREAUTH", &[], "ask for TLS by PGSSLMODE=verify-full"),
    ("PGCHANNELBINDING", &["prefer", "disable"], "ask for TLS by PGSSLMODE=verify-full"),
    ("PGGSSENCMODE", &["prefer", "disable"], "ask for TLS by PGSSLMODE=verify-full"),
    ("PGREQUIREPEER", &[], "restrict who may write to the socket's folder"),
    ("PGSSLCRL", &[], "use a root certificate whose authority revokes nothing"),
    ("PGSSLCRLDIR", &[], "use a root certificate whose authority revokes nothing"),
    (
        "PGSSLMINPROTOCOLVERSION",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        "have the server ask for it: ssl_min_protocol_version",
    ),
];

/// What a URL says as a whole: nothing of it is taken from elsewhere, so that no password goes to another server.
const PLACE: [&str; 5] = ["host", "port", "user", "password", "database"];

/// Variables of container images that are no settings of a client.
const IMAGE: [&str; 6] =
    ["DB_FILE", "HOST_AUTH_METHOD", "INITDB_ARGS", "INITDB_ARGS_FILE", "INITDB_WALDIR", "USER_FILE"];

impl Environment {
    /// The process's own, or those of its variables that begin so.
    pub(super) fn of_process(prefix: &str) -> Self {
        Self::new(prefix, std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    fn new(prefix: &str, variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        // One that is empty is as good as not set, which not every shell and container can do.
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { prefix: prefix.to_owned(), variables }
    }

    pub(super) fn read(&self) -> Result<DbConfig> {
        self.check_prefix()?;
        let mut draft = Draft::default();
        let url = self.text("DATABASE_URL")?;
        if let Some(url) = &url {
            url::read(&mut draft, url, &self.named("DATABASE_URL"))?;
        }
        self.check_kept(url.is_some())?;
        for setting in SETTINGS.iter().filter(|setting| url.is_none() || !PLACE.contains(&setting.subject)) {
            self.one(&mut draft, setting, Source::Postgres, postgres(setting.variable))?;
            self.one(&mut draft, setting, Source::Libpq, setting.libpq.to_owned())?;
        }
        self.use_ssl(&mut draft)?;
        self.home(&mut draft);
        for (name, near) in self.misspelt() {
            tracing::warn!("{name} is not read: did you mean {near}?");
        }
        draft.finish()
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        let name = self.named(name);
        match self.variables.get(&name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(wrong(format!("{name} is not Unicode"))),
            },
        }
    }

    fn one(&self, draft: &mut Draft, setting: &Setting, source: Source, name: String) -> Result<()> {
        if name.is_empty() || draft.goes_before(setting, source) {
            return Ok(());
        }
        match self.text(&name)? {
            Some(value) => draft.set(setting, source, self.named(&name), &value),
            None => Ok(()),
        }
    }

    /// A stage of which nothing is set is most likely another's name.
    fn check_prefix(&self) -> Result<()> {
        let known = |name: &str| {
            let Some(name) = name.strip_prefix(&self.prefix) else { return false };
            name == "DATABASE_URL" || name.starts_with("POSTGRES_") || SETTINGS.iter().any(|s| s.libpq == name)
        };
        if self.prefix.is_empty() || self.variables.keys().any(|name| known(name)) {
            return Ok(());
        }
        Err(wrong(format!(
            "no setting begins with {prefix}: set {prefix}DATABASE_URL, or {prefix}POSTGRES_HOST and so on",
            prefix = self.prefix
        )))
    }

    /// Refuses what libpq would do and pgrepo would not.
    fn check_kept(&self, has_url: bool) -> Result<()> {
        for (name, harmless, instead) in NOT_KEPT {
            let only_place = matches!(name, "PGSERVICE" | "PGHOSTADDR" | "PGTARGETSESSIONATTRS" | "PGLOADBALANCEHOSTS");
            match self.text(name)? {
                Some(value) if !(harmless.contains(&&*value) || has_url && only_place) => {
                    let name = self.named(name);
                    return Err(wrong(format!("{name} is set, which pgrepo does not keep: unset it, and {instead}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The switch beside the mode, which must not say the opposite.
    fn use_ssl(&self, draft: &mut Draft) -> Result<()> {
        let Some(value) = self.text("POSTGRES_USE_SSL")? else { return Ok(()) };
        let name = self.named("POSTGRES_USE_SSL");
        let on = yes(&value).map_err(|problem| wrong(format!("{name} {problem}")))?;
        let mode = draft.config.tls.mode;
        let fits = match mode {
            None => true,
            Some(TlsMode::Disable) => !on,
            Some(TlsMode::Prefer) => false,
            Some(TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull) => on,
        };
        if let (false, Some(mode)) = (fits, mode) {
            let origin = draft.origin("sslmode").unwrap_or("sslmode");
            return Err(wrong(format!("{name} is {value} and {origin} is {mode}, which contradict: set one of them")));
        }
        draft.config.tls.mode = mode.or(Some(if on { TlsMode::VerifyFull } else { TlsMode::Disable }));
        Ok(())
    }

    /// The files in the user's home that libpq takes unasked.
    fn home(&self, draft: &mut Draft) {
        let Some(home) = self.variables.get("HOME").map(PathBuf::from) else { return };
        let file = |name: &str| Some(home.join(name)).filter(|path| path.exists());
        draft.pass_file = draft.pass_file.take().or_else(|| file(".pgpass"));
        // With a root certificate of the user's, `require` verifies.
        if !matches!(draft.config.tls_mode(), TlsMode::Disable | TlsMode::Prefer) {
            let tls = &mut draft.config.tls;
            tls.root_cert = tls.root_cert.take().or_else(|| file(".postgresql/root.crt"));
        }
    }

    /// Variables that are not read and whose names are near to those of some that are, each with that name.
    fn misspelt(&self) -> Vec<(&str, String)> {
        let known = || SETTINGS.iter().map(|s| s.variable).filter(|name| !name.is_empty()).chain(["USE_SSL"]);
        let prefix = self.named("POSTGRES_");
        let unknown = self.variables.keys().filter_map(|name| {
            let rest = name.strip_prefix(&prefix)?;
            if known().any(|known| known == rest) || IMAGE.contains(&rest) {
                return None;
            }
            Some((&**name, format!("{prefix}{}", nearest(rest, known())?)))
        });
        unknown.collect()
    }
}

fn postgres(variable: &str) -> String {
    if variable.is_empty() { String::new() } else { format!("POSTGRES_{variable}") }
}

#[cfg(test)]
mod tests;
