use std::path::Path;

use super::error::TestkitError;

/// Returns the URL of a database over the unix socket; no password is asked for there.
pub(super) fn socket_url(dir: &Path, port: u16, database: &str) -> String {
    format!("postgres://postgres@localhost/{}?host={}&port={port}", escape(database), escape(&dir.to_string_lossy()))
}

/// Returns the URL of a database over TCP on this machine.
pub(super) fn tcp_url(password: &str, port: u16, database: &str) -> String {
    format!("postgres://postgres:{password}@127.0.0.1:{port}/{}", escape(database))
}

/// Returns a URL with another database in it.
pub(super) fn with_database(url: &str, database: &str) -> String {
    let (before, _, after) = parts(url);
    format!("{before}/{}{after}", escape(database))
}

/// Returns a TCP URL with another port of this machine in it.
pub(super) fn with_port(url: &str, port: u16) -> String {
    let (before, path, after) = parts(url);
    let start = before.find("://").map_or(0, |at| at + 3);
    let host = before[start..].rfind('@').map_or(start, |at| start + at + 1);
    format!("{}127.0.0.1:{port}{path}{after}", &before[..host])
}

/// Returns a URL that asks for plain text, unless it says already what it asks for.
pub(super) fn without_tls(url: &str) -> String {
    let (.., query) = parts(url);
    match query {
        _ if query.contains("sslmode=") => url.to_owned(),
        "" => format!("{url}?sslmode=disable"),
        _ => format!("{url}&sslmode=disable"),
    }
}

/// Checks the one thing that everything here rests on.
pub(super) fn check(url: &str) -> Result<(), TestkitError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(());
    }
    Err(TestkitError::new("it is not a `postgres://` URL"))
}

/// Scheme and authority, path, query.
fn parts(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let query = url[start..].find('?').map_or(url.len(), |at| start + at);
    let path = url[start..query].find('/').map_or(query, |at| start + at);
    (&url[..path], &url[path..query], &url[query..])
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped.replace("%2F", "/")
}

#[cfg(test)]
mod tests {
    use super::{socket_url, with_database, with_port, without_tls};
    use std::path::Path;

    #[test]
    fn the_database_is_replaced() {
        assert_eq!(with_database("postgres://a:b@h:1/x?ssl=1", "y z"), "postgres://a:b@h:1/y%20z?ssl=1");
        assert_eq!(with_database("postgres://h", "y"), "postgres://h/y");
        assert_eq!(with_database("postgres://h?host=/a/b", "y"), "postgres://h/y?host=/a/b");
    }

    #[test]
    fn the_port_is_replaced() {
        assert_eq!(with_port("postgres://a:b@h:1/x?c=1", 7), "postgres://a:b@127.0.0.1:7/x?c=1");
        assert_eq!(with_port("postgres://h", 7), "postgres://127.0.0.1:7");
    }

    #[test]
    fn plain_text_is_asked_for_once() {
        assert_eq!(without_tls("postgres://a:b@h:1/x"), "postgres://a:b@h:1/x?sslmode=disable");
        assert_eq!(without_tls("postgres://h/x?c=1"), "postgres://h/x?c=1&sslmode=disable");
        assert_eq!(without_tls("postgres://h/x?sslmode=prefer"), "postgres://h/x?sslmode=prefer");
    }

    #[test]
    fn a_folder_is_escaped() {
        assert_eq!(socket_url(Path::new("/tmp/a b"), 7, "x"), "postgres://postgres@localhost/x?host=/tmp/a%20b&port=7");
    }
}
