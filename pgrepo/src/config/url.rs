use url::Url;

use super::near::{listed, nearest};
use super::settings::{Draft, Source, parameter, parameters, wrong};
use crate::error::Result;

/// Reads a URL; `origin` names where it stood, as the URL itself may hold a password.
pub(super) fn read(draft: &mut Draft, text: &str, origin: &str) -> Result<()> {
    let url = Url::parse(text).map_err(|e| wrong(format!("{origin} is not a URL: {e}")))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(wrong(format!("{origin} does not begin with postgres://")));
    }
    if url.fragment().is_some() {
        return Err(wrong(format!("{origin} holds a #, which ends a URL: within a part of it, write %23")));
    }
    // An IPv6 address stands in brackets, which the driver does not take.
    let host = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let port = url.port().map(|port| port.to_string());
    let parts = [
        ("host", host),
        ("port", port.as_deref()),
        ("user", Some(url.username())),
        ("password", url.password()),
        ("dbname", Some(url.path().trim_start_matches('/'))),
    ];
    for (name, part) in parts {
        let (Some(setting), Some(part)) = (parameter(name), part.filter(|part| !part.is_empty())) else { continue };
        let value = percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map_err(|_| wrong(format!("the {} in {origin} is not UTF-8", setting.subject)))?;
        draft.set(setting, Source::Url, format!("the {} in {origin}", setting.subject), &value)?;
    }
    for (name, value) in url.query_pairs() {
        let Some(setting) = parameter(&name) else { return Err(wrong(unknown(&name, origin))) };
        draft.set(setting, Source::Parameter, format!("the parameter {name} of {origin}"), &value)?;
    }
    Ok(())
}

fn unknown(name: &str, origin: &str) -> String {
    let hint = match name {
        "ssl" | "tls" | "use_ssl" => Some("sslmode"),
        "database" => Some("dbname"),
        "options" => return format!("{origin} has the parameter \"options\", which pgrepo does not pass on"),
        _ => nearest(name, parameters()),
    };
    let known = listed(parameters());
    match hint {
        Some(near) => {
            format!("{origin} has the unknown parameter {name:?}: did you mean {near}? The known ones are {known}")
        }
        None => format!("{origin} has the unknown parameter {name:?}; the known ones are {known}"),
    }
}
