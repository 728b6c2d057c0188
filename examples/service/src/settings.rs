//! The service's own settings, read from the environment; those of the database are pgrepo's.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// The limits of the service, and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `SERVICE_LISTEN`: the address and port. Default 127.0.0.1:8080; port 0 is any that is free.
    pub listen: SocketAddr,
    /// `SERVICE_MIGRATE`: whether migrations that wait are run at the start. Default yes; with no, the service is not
    /// ready until somebody else has run them.
    pub migrate: bool,
    /// `SERVICE_MAX_CLIENTS`: how many connections of clients are served at a time; others wait. Default 1024.
    pub max_clients: usize,
    /// `SERVICE_MAX_UPLOADS`: how many uploads are under way at a time, each of which holds a connection to the database.
    /// Default: half of the pool.
    pub max_uploads: Option<usize>,
    /// `SERVICE_MAX_BODY`: the bytes of an upload. Default 1 GiB.
    pub max_body: u64,
    /// `SERVICE_MAX_LINE`: the bytes of a line of an upload. Default 1 MiB.
    pub max_line: usize,
    /// `SERVICE_MAX_REJECTS`: how many lines of an upload may be bad; with more nothing of it is stored. Default 1000.
    pub max_rejects: u64,
    /// `SERVICE_TOLD_REJECTS`: how many of these are told with their reasons; the others are counted. Default 100.
    pub told_rejects: usize,
    /// `SERVICE_BODY_IDLE`: how long a client may leave an upload without a byte, in seconds. Default 10.
    pub body_idle: Duration,
    /// `SERVICE_UPLOAD_LIMIT`: how long an upload may take as a whole. Default 300 s.
    pub upload_limit: Duration,
    /// `SERVICE_UPLOAD_WAIT`: how long an upload waits for others to end before it is turned away. Default 10 s.
    pub upload_wait: Duration,
    /// `SERVICE_HEAD_LIMIT`: how long a client may take for the head of a request, and be idle before it. Default 15 s.
    pub head_limit: Duration,
    /// `SERVICE_REQUEST_LIMIT`: how long any other request may take, and how long a client may take to read an answer.
    /// Default 10 s.
    pub request_limit: Duration,
    /// `SERVICE_HEALTH_LIMIT`: within what time `/health` and `/ready` answer, whatever the database does. Default 1 s.
    pub health_limit: Duration,
    /// `SERVICE_SHUTDOWN_LIMIT`: how long requests under way may take when the service is told to stop; uploads that have
    /// not ended then are rolled back. Default 30 s.
    pub shutdown_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            migrate: true,
            max_clients: 1024,
            max_uploads: None,
            max_body: 1 << 30,
            max_line: 1 << 20,
            max_rejects: 1000,
            told_rejects: 100,
            body_idle: Duration::from_secs(10),
            upload_limit: Duration::from_secs(300),
            upload_wait: Duration::from_secs(10),
            head_limit: Duration::from_secs(15),
            request_limit: Duration::from_secs(10),
            health_limit: Duration::from_secs(1),
            shutdown_limit: Duration::from_secs(30),
        }
    }
}

/// A variable whose value cannot be meant, or that is none.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The value.
    #[error("{name} is {value:?}: {wanted}")]
    Value {
        /// The variable.
        name: String,
        /// What it says.
        value: String,
        /// What it should say.
        wanted: &'static str,
    },
    /// The name: most often it is misspelt.
    #[error("{0} is set, and there is no such setting")]
    Unknown(String),
}

impl Settings {
    /// Reads the environment; an empty variable is as good as none.
    ///
    /// # Errors
    /// A variable whose value cannot be meant, and one that begins with `SERVICE_` and is not known.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with("SERVICE_")) else { continue };
            let value = value.to_string_lossy();
            if !value.is_empty() {
                settings.set(name, value.trim())?;
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        let wrong = |wanted| SettingsError::Value { name: name.to_owned(), value: value.to_owned(), wanted };
        let at_least_one = |number: usize| if number == 0 { Err(wrong("it must be at least 1")) } else { Ok(number) };
        let seconds = || {
            let seconds: f64 = value.parse().map_err(|_| wrong("a number of seconds is wanted"))?;
            let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
            limit
                .filter(|limit| limit.as_secs() < 1 << 30)
                .ok_or_else(|| wrong("a number of seconds above 0 is wanted"))
        };
        let count = || number::<usize>(value).ok_or_else(|| wrong("a number is wanted"));
        match name {
            "SERVICE_LISTEN" => {
                self.listen =
                    value.parse().map_err(|_| wrong("an address and a port are wanted, as in 0.0.0.0:8080"))?;
            }
            "SERVICE_MIGRATE" => {
                self.migrate = match value {
                    "yes" | "true" | "on" | "1" => true,
                    "no" | "false" | "off" | "0" => false,
                    _ => return Err(wrong("yes or no is wanted")),
                }
            }
            "SERVICE_MAX_CLIENTS" => self.max_clients = at_least_one(count()?)?,
            "SERVICE_MAX_UPLOADS" => self.max_uploads = Some(at_least_one(count()?)?),
            "SERVICE_MAX_BODY" => self.max_body = number(value).ok_or_else(|| wrong("a number of bytes is wanted"))?,
            "SERVICE_MAX_LINE" => self.max_line = at_least_one(count()?)?,
            "SERVICE_MAX_REJECTS" => self.max_rejects = number(value).ok_or_else(|| wrong("a number is wanted"))?,
            "SERVICE_TOLD_REJECTS" => self.told_rejects = count()?,
            "SERVICE_BODY_IDLE" => self.body_idle = seconds()?,
            "SERVICE_UPLOAD_LIMIT" => self.upload_limit = seconds()?,
            "SERVICE_UPLOAD_WAIT" => self.upload_wait = seconds()?,
            "SERVICE_HEAD_LIMIT" => self.head_limit = seconds()?,
            "SERVICE_REQUEST_LIMIT" => self.request_limit = seconds()?,
            "SERVICE_HEALTH_LIMIT" => self.health_limit = seconds()?,
            "SERVICE_SHUTDOWN_LIMIT" => self.shutdown_limit = seconds()?,
            _ => return Err(SettingsError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

fn number<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its message")]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::of(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn what_is_set_is_taken_and_the_rest_is_the_default() {
        let read = read(&[
            ("SERVICE_LISTEN", "0.0.0.0:80"),
            ("SERVICE_MIGRATE", "no"),
            ("SERVICE_BODY_IDLE", "0.5"),
            ("SERVICE_MAX_LINE", ""),
            ("PATH", "/bin"),
        ]);
        let expected = Settings {
            listen: SocketAddr::from(([0, 0, 0, 0], 80)),
            migrate: false,
            body_idle: Duration::from_millis(500),
            ..Settings::default()
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (name, value) in [
            ("SERVICE_LISTEN", "8080"),
            ("SERVICE_MIGRATE", "perhaps"),
            ("SERVICE_MAX_CLIENTS", "0"),
            ("SERVICE_BODY_IDLE", "-1"),
            ("SERVICE_HEALTH_LIMIT", "1e300"),
            ("SERVICE_MAX_BODY", "1 GiB"),
            ("SERVICE_MAXBODY", "1"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().to_string().starts_with(name), "{name}");
        }
    }
}
