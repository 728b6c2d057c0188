//! The settings as texts: what they are called in a URL and in the environment, and how they are read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::near::nearest;
use super::{DbConfig, Password, pgpass};
use crate::error::{Error, ErrorKind, Result};

/// One name of a setting.
pub(super) struct Setting {
    /// What it sets: settings of one subject contradict each other.
    pub(super) subject: &'static str,
    /// As a parameter of a URL; empty if it is none.
    pub(super) parameter: &'static str,
    /// Behind `POSTGRES_`; empty if there is no such variable.
    pub(super) variable: &'static str,
    /// libpq's variable; empty if there is none.
    pub(super) libpq: &'static str,
    set: fn(&mut Draft, &str) -> Result<(), String>,
}

/// Where a setting stands: the first of these goes before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Parameter,
    Url,
    Postgres,
    Libpq,
}

/// A config on its way, and where each of its settings came from.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) config: DbConfig,
    pub(super) pass_file: Option<PathBuf>,
    origins: BTreeMap<&'static str, (Source, String)>,
}

impl Draft {
    /// Reads one setting, unless one that goes before it was read.
    pub(super) fn set(&mut self, setting: &Setting, source: Source, origin: String, value: &str) -> Result<()> {
        if self.goes_before(setting, source) {
            return Ok(());
        }
        if let Some((_, first)) = self.origins.get(setting.subject).filter(|(before, _)| *before == source) {
            return Err(match *first == origin {
                true => wrong(format!("{origin} is given twice")),
                false => wrong(format!("{first} and {origin} are both set: set one of them")),
            });
        }
        (setting.set)(self, value).map_err(|problem| wrong(format!("{origin} {problem}")))?;
        self.origins.insert(setting.subject, (source, origin));
        Ok(())
    }

    /// Whether the setting was given where it goes before that source.
    pub(super) fn goes_before(&self, setting: &Setting, source: Source) -> bool {
        self.origins.get(setting.subject).is_some_and(|(before, _)| *before < source)
    }

    /// Where the setting came from, if it was given.
    pub(super) fn origin(&self, subject: &str) -> Option<&str> {
        self.origins.get(subject).map(|(_, origin)| &**origin)
    }

    /// What was read, with the password of the file that was named.
    pub(super) fn finish(self) -> Result<DbConfig> {
        let Self { mut config, pass_file, .. } = self;
        if let (None, Some(path)) = (&config.password, pass_file) {
            config.password = pgpass::password(&path, &config)?;
        }
        config.checked()
    }
}

pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// The parameter of a URL that has this name.
pub(super) fn parameter(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.parameter == name && !name.is_empty())
}

pub(super) fn parameters() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.parameter).filter(|name| !name.is_empty())
}

const fn setting(
    [subject, parameter, variable, libpq]: [&'static str; 4],
    set: fn(&mut Draft, &str) -> Result<(), String>,
) -> Setting {
    Setting { subject, parameter, variable, libpq, set }
}

/// Every setting that is a text, in the order in which they are told.
pub(super) static SETTINGS: &[Setting] = &[
    setting(["host", "host", "HOST", "PGHOST"], |d, v| put(&mut d.config.host, v.to_owned())),
    setting(["port", "port", "PORT", "PGPORT"], |d, v| put(&mut d.config.port, number(v, "from 1 to 65535")?)),
    setting(["user", "user", "USER", "PGUSER"], |d, v| put(&mut d.config.user, v.to_owned())),
    setting(["password", "password", "PASSWORD", "PGPASSWORD"], |d, v| {
        put(&mut d.config.password, Some(Password::new(v)))
    }),
    setting(["password", "password_file", "PASSWORD_FILE", ""], |d, v| {
        put(&mut d.config.password, Some(password_file(v)?))
    }),
    setting(["passfile", "passfile", "PASSFILE", "PGPASSFILE"], |d, v| put(&mut d.pass_file, Some(v.into()))),
    setting(["database", "dbname", "DB", "PGDATABASE"], |d, v| put(&mut d.config.database, Some(v.to_owned()))),
    setting(["database", "", "DATABASE", ""], |d, v| put(&mut d.config.database, Some(v.to_owned()))),
    setting(["application_name", "application_name", "APPLICATION_NAME", "PGAPPNAME"], |d, v| {
        put(&mut d.config.application_name, v.to_owned())
    }),
    setting(["sslmode", "sslmode", "SSL_MODE", "PGSSLMODE"], |d, v| {
        put(&mut d.config.tls.mode, Some(v.parse().map_err(|e| format!("is wrong: {e}"))?))
    }),
    setting(["sslrootcert", "sslrootcert", "SSL_ROOT_CERT", "PGSSLROOTCERT"], |d, v| {
        put(&mut d.config.tls.root_cert, Some(v.into()))
    }),
    setting(["sslcert", "sslcert", "SSL_CERT", "PGSSLCERT"], |d, v| put(&mut d.config.tls.client_cert, Some(v.into()))),
    setting(["sslkey", "sslkey", "SSL_KEY", "PGSSLKEY"], |d, v| put(&mut d.config.tls.client_key, Some(v.into()))),
    setting(["allow_plaintext_password", "allow_plaintext_password", "ALLOW_PLAINTEXT_PASSWORD", ""], |d, v| {
        put(&mut d.config.allow_plaintext_password, yes(v)?)
    }),
    setting(["max_connections", "max_connections", "MAX_CONNECTIONS", ""], |d, v| {
        put(&mut d.config.max_connections, number(v, "of connections")?)
    }),
    setting(["connect_timeout", "connect_timeout", "CONNECT_TIMEOUT", "PGCONNECT_TIMEOUT"], |d, v| {
        put(&mut d.config.connect_timeout, time(v)?)
    }),
    setting(["acquire_timeout", "acquire_timeout", "ACQUIRE_TIMEOUT", ""], |d, v| {
        put(&mut d.config.acquire_timeout, time(v)?)
    }),
    setting(["max_waiting", "max_waiting", "MAX_WAITING", ""], |d, v| {
        put(&mut d.config.max_waiting, if v == "off" { None } else { Some(number(v, "of operations, or off")?) })
    }),
    setting(["statement_timeout", "statement_timeout", "STATEMENT_TIMEOUT", ""], |d, v| {
        put(&mut d.config.statement_timeout, optional_time(v)?)
    }),
    setting(["statement_timeout", "", "COMMAND_TIMEOUT", ""], |d, v| {
        put(&mut d.config.statement_timeout, optional_time(v)?)
    }),
    setting(["lock_timeout", "lock_timeout", "LOCK_TIMEOUT", ""], |d, v| {
        put(&mut d.config.lock_timeout, optional_time(v)?)
    }),
    setting(
        ["idle_in_transaction_timeout", "idle_in_transaction_timeout", "IDLE_IN_TRANSACTION_TIMEOUT", ""],
        |d, v| put(&mut d.config.idle_in_transaction_timeout, optional_time(v)?),
    ),
    setting(["close_timeout", "close_timeout", "CLOSE_TIMEOUT", ""], |d, v| put(&mut d.config.close_timeout, time(v)?)),
    setting(["max_lifetime", "max_lifetime", "MAX_LIFETIME", ""], |d, v| {
        put(&mut d.config.max_lifetime, optional_time(v)?)
    }),
    setting(["max_idle", "max_idle", "MAX_IDLE", ""], |d, v| put(&mut d.config.max_idle, optional_time(v)?)),
    setting(["idle_check", "idle_check", "IDLE_CHECK", ""], |d, v| put(&mut d.config.idle_check, time(v)?)),
    setting(["statement_cache", "statement_cache", "STATEMENT_CACHE", ""], |d, v| {
        put(&mut d.config.statement_cache, number(v, "of statements")?)
    }),
    // sqlx's name of it.
    setting(["statement_cache", "statement-cache-capacity", "", ""], |d, v| {
        put(&mut d.config.statement_cache, number(v, "of statements")?)
    }),
    setting(["slow_statement", "slow_statement", "SLOW_STATEMENT", ""], |d, v| {
        put(&mut d.config.slow_statement, optional_time(v)?)
    }),
    setting(["trace_sql", "trace_sql", "TRACE_SQL", ""], |d, v| put(&mut d.config.trace_sql, yes(v)?)),
];

fn put<T>(place: &mut T, value: T) -> Result<(), String> {
    *place = value;
    Ok(())
}

fn number<N: std::str::FromStr>(text: &str, what: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| format!("is {text:?}, which is no whole number {what}"))
}

/// A word for yes or no.
pub(super) fn yes(text: &str) -> Result<bool, String> {
    match &*text.trim().to_ascii_lowercase() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("is {text:?}, which is neither true nor false")),
    }
}

fn optional_time(text: &str) -> Result<Option<Duration>, String> {
    if text.trim() == "off" { Ok(None) } else { time(text).map(Some) }
}

/// A number of seconds, or of the unit behind it.
fn time(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] = [("", 1.0), ("s", 1.0), ("ms", 0.001), ("min", 60.0), ("h", 3600.0)];
    let wrong = |what: &dyn fmt::Display| format!("is {text:?}, which is no time such as 30, 30s, 500ms or 5min{what}");
    let (number, unit) = text.trim().split_at(text.trim().find(char::is_alphabetic).unwrap_or(text.trim().len()));
    let number: f64 = number.trim().parse().map_err(|_| wrong(&""))?;
    let Some((_, seconds)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
        return Err(match nearest(unit, UNITS.map(|(name, _)| name).into_iter().skip(1)) {
            Some(near) => wrong(&format_args!(": did you mean {near}?")),
            None => wrong(&""),
        });
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong(&", not below 0 and not longer than centuries"))
}

/// The password that is all of a file, but for the end of its line.
fn password_file(path: &str) -> Result<Password, String> {
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("names the file {path}, which cannot be read: {e}"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(format!("names the file {path}, which is empty: it holds the password")),
        password => Ok(Password::new(password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_unless_a_unit_says_otherwise() {
        for (text, milliseconds) in
            [("30", 30_000), ("1.5", 1_500), ("250ms", 250), (" 2 s ", 2_000), ("5min", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "ten", "-1", "1e3", "inf", "NaN", "5 parsecs", "1d", "1e400", "99999999999999999999999h"] {
            let problem = time(text).unwrap_err();
            assert!(problem.contains(&format!("{text:?}")) && problem.contains("500ms"), "{problem}");
        }
        assert!(time("5m").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn names_are_told_apart() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            for other in &SETTINGS[at + 1..] {
                for name in [|s: &Setting| s.parameter, |s: &Setting| s.variable, |s: &Setting| s.libpq] {
                    assert!(name(setting) != name(other) || name(setting).is_empty(), "{}", name(setting));
                }
            }
        }
    }
}
