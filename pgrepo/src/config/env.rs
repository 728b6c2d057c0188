use std::ffi::OsString;

use url::Url;

use super::{DbConfig, Password};
use crate::error::{Error, ErrorKind, Result};

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Reads the settings from an environment, given as a function so that tests need not change the process's own.
pub(super) fn read(var: impl Fn(&str) -> Option<OsString>) -> Result<DbConfig> {
    let text = |name: &str| match var(name) {
        None => Ok(None),
        Some(value) if value.is_empty() => Ok(None),
        Some(value) => value.into_string().map(Some).map_err(|_| wrong(format!("{name} is not Unicode"))),
    };
    let first = |names: [&'static str; 2]| -> Result<Option<(&'static str, String)>> {
        for name in names {
            if let Some(value) = text(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    };
    let mut config = DbConfig::default();
    if let Some(value) = text("DATABASE_URL")? {
        url(&mut config, &value, "DATABASE_URL")?;
    } else {
        if let Some((_, value)) = first(["POSTGRES_HOST", "PGHOST"])? {
            config.host = value;
        }
        if let Some((name, value)) = first(["POSTGRES_PORT", "PGPORT"])? {
            config.port = number(name, &value)?;
        }
        if let Some((_, value)) = first(["POSTGRES_USER", "PGUSER"])? {
            config.user = value;
        }
        if let Some((_, value)) = first(["POSTGRES_PASSWORD", "PGPASSWORD"])? {
            config.password = Some(Password::new(value));
        }
        if let Some((_, value)) = first(["POSTGRES_DB", "PGDATABASE"])? {
            config.database = Some(value);
        }
    }
    if let Some((name, value)) = first(["POSTGRES_SSL_MODE", "PGSSLMODE"])? {
        no_tls(name, &value)?;
    }
    if let Some(value) = text("POSTGRES_MAX_CONNECTIONS")? {
        config.max_connections = number("POSTGRES_MAX_CONNECTIONS", &value)?;
    }
    config.checked()
}

/// Refuses a mode that asks for TLS, which would not be kept, and one that there is not.
fn no_tls(origin: &str, mode: &str) -> Result<()> {
    match mode {
        "disable" | "allow" | "prefer" => Ok(()),
        "require" | "verify-ca" | "verify-full" => Err(wrong(format!(
            "{origin} asks for sslmode={mode}, and TLS is not built into this version: it would not be kept"
        ))),
        _ => Err(wrong(format!(
            "{origin} gives the unknown sslmode {mode:?}; the known ones are disable, allow, prefer, and, which this \
             version cannot keep, require, verify-ca, verify-full"
        ))),
    }
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N> {
    value.trim().parse().map_err(|_| wrong(format!("{name} is not a number in range: {value:?}")))
}

/// Reads a URL into `config`; `origin` names where it stood, as the URL itself may hold a password.
pub(super) fn url(config: &mut DbConfig, text: &str, origin: &'static str) -> Result<()> {
    let url = Url::parse(text).map_err(|e| wrong(format!("{origin} is not a URL: {e}")))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(wrong(format!("{origin} does not begin with postgres://")));
    }
    let decoded = |part: &str, what: &str| {
        percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| wrong(format!("the {what} in {origin} is not UTF-8")))
    };
    if let Some(host) = url.host_str().filter(|h| !h.is_empty()) {
        // An IPv6 address stands in brackets, which the driver does not take.
        config.host = decoded(host.trim_start_matches('[').trim_end_matches(']'), "host")?;
    }
    if let Some(port) = url.port() {
        config.port = port;
    }
    if !url.username().is_empty() {
        config.user = decoded(url.username(), "user")?;
    }
    if let Some(password) = url.password() {
        config.password = Some(Password::new(decoded(password, "password")?));
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() {
        config.database = Some(decoded(database, "database")?);
    }
    for (key, value) in url.query_pairs() {
        match &*key {
            "host" => config.host = value.into_owned(),
            "port" => config.port = number("the parameter port of the URL", &value)?,
            "user" => config.user = value.into_owned(),
            "password" => config.password = Some(Password::new(value)),
            "dbname" => config.database = Some(value.into_owned()),
            "application_name" => config.application_name = value.into_owned(),
            "sslmode" => no_tls(origin, &value)?,
            "statement-cache-capacity" => {
                config.statement_cache = number("the parameter statement-cache-capacity of the URL", &value)?;
            }
            _ => {
                return Err(wrong(format!(
                    "{origin} has the unknown parameter {key:?}; the known ones are host, port, user, password, \
                     dbname, application_name, sslmode, statement-cache-capacity"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Result<DbConfig> {
        read(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
    }

    #[test]
    fn a_url_goes_before_parts_and_postgres_before_libpq() {
        let config = env(&[("POSTGRES_HOST", "a"), ("PGHOST", "b"), ("PGUSER", "u"), ("POSTGRES_DB", "d")]).unwrap();
        assert_eq!((&*config.host, &*config.user, config.database.as_deref()), ("a", "u", Some("d")));
        let config = env(&[("DATABASE_URL", "postgres://me:p%40ss@[::1]:7/db"), ("POSTGRES_HOST", "a")]).unwrap();
        assert_eq!((&*config.host, config.port, &*config.user), ("::1", 7, "me"));
        assert_eq!(config.password.as_ref().map(Password::reveal), Some("p@ss"));
    }

    #[test]
    fn a_socket_folder_is_a_host() {
        let config = DbConfig::from_url("postgres://postgres@localhost/db?host=/tmp/x&port=9").unwrap();
        assert_eq!((&*config.host, config.port), ("/tmp/x", 9));
    }

    #[test]
    fn mistakes_name_the_setting_and_never_the_password() {
        let error = env(&[("POSTGRES_PORT", "fifty")]).unwrap_err();
        assert!(error.to_string().contains("POSTGRES_PORT"), "{error}");
        let error = env(&[("POSTGRES_MAX_CONNECTIONS", "0")]).unwrap_err();
        assert!(error.to_string().contains("max_connections"), "{error}");
        let error = DbConfig::from_url("postgres://u:canary@h/d?sslmod=require").unwrap_err();
        assert!(error.to_string().contains("sslmod") && !format!("{error:?}").contains("canary"), "{error}");
        let config = DbConfig::from_url("postgres://u:canary@h/d").unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }
    #[test]
    fn what_asks_for_tls_is_refused_by_its_name() {
        for mode in ["require", "verify-ca", "verify-full", "Require", "on"] {
            for name in ["POSTGRES_SSL_MODE", "PGSSLMODE"] {
                for url in [None, Some(("DATABASE_URL", "postgres://u@h/d"))] {
                    let vars: Vec<_> = [(name, mode)].into_iter().chain(url).collect();
                    let error = env(&vars).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Config);
                    assert!(error.to_string().contains(name) && error.to_string().contains(mode), "{error}");
                }
            }
            let error = DbConfig::from_url(&format!("postgres://u@h/d?sslmode={mode}")).unwrap_err();
            assert!(error.to_string().contains(mode), "{error}");
        }
        env(&[("PGSSLMODE", "prefer")]).unwrap();
        env(&[("POSTGRES_SSL_MODE", "disable"), ("PGSSLMODE", "require")]).unwrap();
        DbConfig::from_url("postgres://u@h/d?sslmode=disable").unwrap();
    }

    #[test]
    fn a_limit_that_cannot_be_meant_is_refused() {
        let message = |config: DbConfig| config.checked().unwrap_err().to_string();
        assert!(message(DbConfig::default().with_max_connections(10_001)).contains("max_connections"));
        DbConfig::default().with_max_connections(10_000).checked().unwrap();
        assert!(message(DbConfig { statement_cache: 0, ..DbConfig::default() }).contains("statement_cache"));
        let url = "postgres://u@h/d?statement-cache-capacity=0";
        assert!(DbConfig::from_url(url).unwrap_err().to_string().contains("statement_cache"));
        assert!(message(DbConfig { user: "a\0options\0-c x=y".into(), ..DbConfig::default() }).contains("NUL"));
    }
}
