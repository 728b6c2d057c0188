//! Passwords in a file of
//! [libpq's format](https://www.postgresql.org/docs/current/libpq-pgpass.html): `host:port:database:user:password`.

use std::path::Path;

use super::{DbConfig, Password};
use crate::error::{Error, ErrorKind, Result};

/// The folders of unix sockets that libpq is built with: their host is `localhost` in the file.
const SOCKET_FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The password for where the config points to, if the file has one.
///
/// As in libpq, a file that is none or that others may read is passed over with a warning.
pub(super) fn password(path: &Path, config: &DbConfig) -> Result<Option<Password>> {
    let unread = |e| {
        let message = format!("passfile names the file {}, which cannot be read", path.display());
        Error::new(ErrorKind::Config, message).caused_by(e)
    };
    let file = std::fs::metadata(path).map_err(unread)?;
    if !file.is_file() {
        tracing::warn!("the password file {} is not a plain file: it is passed over", path.display());
        return Ok(None);
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&file) & 0o077 != 0 {
        tracing::warn!(
            "the password file {} may be read by others than its owner: it is passed over; make its mode 600",
            path.display()
        );
        return Ok(None);
    }
    Ok(find(&std::fs::read_to_string(path).map_err(unread)?, config).map(Password::new))
}

fn find(text: &str, config: &DbConfig) -> Option<String> {
    let host = if SOCKET_FOLDERS.contains(&&*config.host) { "localhost" } else { &*config.host };
    let port = config.port.to_string();
    let wanted = [host, &port, config.database.as_deref().unwrap_or(&config.user), &config.user];
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.starts_with('#'));
    let fits = |line: &str| {
        let mut rest = line;
        for wanted in wanted {
            let (field, behind) = field(rest);
            if rest.split_once(':').is_none_or(|(raw, _)| raw != "*") && field != wanted {
                return None;
            }
            rest = behind?;
        }
        Some(field(rest).0)
    };
    lines.find_map(fits).filter(|password| !password.is_empty())
}

/// The text up to the next colon, without the backslash before a colon or a backslash, and what follows it.
fn field(text: &str) -> (String, Option<&str>) {
    let mut field = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ':' => return (field, Some(&text[at + 1..])),
            '\\' => field.push(letters.next().map_or('\\', |(_, next)| next)),
            _ => field.push(letter),
        }
    }
    (field, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, host: &str, user: &str) -> Option<String> {
        find(
            text,
            &DbConfig { host: host.into(), user: user.into(), database: Some("d".into()), ..DbConfig::default() },
        )
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let file = "# a:5432:d:u:comment\n\nb:5432:d:u:other host\na:5433:d:u:other port\na:*:d:u:first\r\na:5432:d:u:second\n";
        assert_eq!(found(file, "a", "u").as_deref(), Some("first"));
        assert_eq!(found(file, "a", "v"), None);
        assert_eq!(found("*:*:*:*:all", "x", "y").as_deref(), Some("all"));
    }

    #[test]
    fn a_backslash_takes_the_meaning_from_what_follows() {
        let file = r"\:\:1:5432:d:u\\v:a\:b\\c:rest";
        assert_eq!(found(file, "::1", r"u\v").as_deref(), Some(r"a:b\c"));
        assert_eq!(found(r"\*:5432:d:u:p", "x", "u"), None);
        assert_eq!(found(r"\*:5432:d:u:p", "*", "u").as_deref(), Some("p"));
    }

    #[test]
    fn a_usual_socket_is_localhost() {
        assert_eq!(found("localhost:*:*:*:p", "/var/run/postgresql", "u").as_deref(), Some("p"));
        assert_eq!(found("localhost:*:*:*:p", "/home/me/sockets", "u"), None);
        assert_eq!(found("/home/me/sockets:*:*:*:p", "/home/me/sockets", "u").as_deref(), Some("p"));
    }

    #[test]
    fn a_short_line_gives_none() {
        for line in ["", "a", "a:5432:d:u", "a:5432:d:u:", "::::"] {
            assert_eq!(found(line, "a", "u"), None, "{line}");
        }
    }
}
