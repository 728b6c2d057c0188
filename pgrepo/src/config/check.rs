use std::time::Duration;

use super::DbConfig;
use crate::error::{Error, ErrorKind, Result};

/// The server counts its timeouts as so many milliseconds at most, some 24 days.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl DbConfig {
    /// Looks for what cannot be meant; nothing is connected to.
    pub(crate) fn checked(self) -> Result<Self> {
        self.check_texts()?;
        self.check_sizes()?;
        self.check_times()?;
        self.check_tls()?;
        Ok(self)
    }

    fn check_texts(&self) -> Result<()> {
        // A text of the protocol ends at NUL: what followed would be read as another setting.
        let texts = [&self.host, &self.user, &self.application_name].into_iter().chain(&self.database);
        let password = self.password.as_ref().map(|password| password.reveal());
        if texts.map(String::as_str).chain(password).any(|text| text.contains('\0')) {
            return Err(wrong("the host, user, password, database or application_name holds a NUL character"));
        }
        if self.host.is_empty() {
            return Err(wrong("the host is empty: give it a name, an address, or the folder of a unix socket"));
        }
        if self.host.contains(',') {
            return Err(wrong("the host is a list, and a pool connects to one server: name that one"));
        }
        if self.user.is_empty() {
            return Err(wrong("the user is empty: give it the name of a role"));
        }
        if self.password.is_some() && self.password_callback.is_some() {
            return Err(wrong("password and password_callback are both set: set one of them"));
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<()> {
        if self.port == 0 {
            return Err(wrong("port is 0: a server listens on 1 to 65535, most often on 5432"));
        }
        if self.max_connections == 0 {
            return Err(wrong("max_connections is 0: the pool needs at least 1"));
        }
        // The pool sets memory aside for each, and no server serves as many: more is a mistake, such as a wrong unit.
        if self.max_connections > 10_000 {
            return Err(wrong("max_connections is above 10000, which no server serves"));
        }
        // The driver would leave each statement behind on the server.
        if self.statement_cache == 0 {
            return Err(wrong("statement_cache is 0: a connection keeps at least the statement that it runs"));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<()> {
        for (name, time) in [
            ("connect_timeout", self.connect_timeout),
            ("acquire_timeout", self.acquire_timeout),
            ("close_timeout", self.close_timeout),
        ] {
            if time.is_zero() {
                return Err(wrong(format!("{name} is 0, which lets nothing happen: give it a longer time")));
            }
        }
        for (name, time) in [("max_lifetime", self.max_lifetime), ("max_idle", self.max_idle)] {
            if time == Some(Duration::ZERO) {
                return Err(wrong(format!("{name} is 0, which keeps no connection: `None`, or off, is for ever")));
            }
        }
        for (name, time) in self.server_timeouts() {
            match time {
                Some(Duration::ZERO) => {
                    return Err(wrong(format!(
                        "{name} is 0, which lets nothing happen: `None`, or off, is no limit of ours"
                    )));
                }
                Some(time) if time > LONGEST => {
                    return Err(wrong(format!(
                        "{name} is longer than {LONGEST:?}, the longest that the server counts"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The timeouts that the server keeps, by our names.
    fn server_timeouts(&self) -> [(&'static str, Option<Duration>); 3] {
        [
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            ("idle_in_transaction_timeout", self.idle_in_transaction_timeout),
        ]
    }

    /// The settings that each session begins with, by the server's names.
    pub(crate) fn session_settings(&self) -> impl Iterator<Item = (&'static str, u128)> {
        self.server_timeouts().into_iter().filter_map(|(name, time)| {
            let name = if name == "idle_in_transaction_timeout" { "idle_in_transaction_session_timeout" } else { name };
            // What is less than a millisecond would be 0, which the server takes as no limit.
            time.map(|time| (name, time.as_nanos().div_ceil(1_000_000)))
        })
    }
}
