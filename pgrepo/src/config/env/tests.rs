use std::time::Duration;

use super::*;
use crate::config::Password;
use crate::error::ErrorKind;

fn prefixed(prefix: &str, variables: &[(&str, &str)]) -> Environment {
    Environment::new(prefix, variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))))
}

fn env(variables: &[(&str, &str)]) -> Result<DbConfig> {
    prefixed("", variables).read()
}

fn problem(variables: &[(&str, &str)]) -> String {
    let error = env(variables).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    error.to_string()
}

fn password(config: &DbConfig) -> Option<&str> {
    config.password.as_ref().map(Password::reveal)
}

#[test]
fn a_url_goes_before_parts_and_postgres_before_libpq() {
    let config = env(&[("POSTGRES_HOST", "::1"), ("PGHOST", "x"), ("PGUSER", "u"), ("POSTGRES_DB", "d")]).unwrap();
    assert_eq!((&*config.host, &*config.user, config.database.as_deref()), ("::1", "u", Some("d")));
    let variables =
        [("DATABASE_URL", "postgres://me:p%40ss@[::1]:7/db"), ("POSTGRES_HOST", "a"), ("PGDATABASE", "other")];
    let config = env(&variables).unwrap();
    assert_eq!((&*config.host, config.port, &*config.user), ("::1", 7, "me"));
    assert_eq!((password(&config), config.database.as_deref()), (Some("p@ss"), Some("db")));

    let url = ("DATABASE_URL", "postgres://me@localhost/db?max_connections=3&dbname=parameter");
    let config = env(&[url, ("POSTGRES_MAX_CONNECTIONS", "4"), ("POSTGRES_COMMAND_TIMEOUT", "60")]).unwrap();
    assert_eq!((config.max_connections, config.statement_timeout), (3, Some(Duration::from_secs(60))));
    assert_eq!(config.database.as_deref(), Some("parameter"));
    let config = env(&[("POSTGRES_SSL_MODE", "disable"), ("PGSSLMODE", "no such mode")]).unwrap();
    assert_eq!(config.tls.mode, Some(TlsMode::Disable));
}

#[test]
fn a_password_of_the_environment_does_not_go_to_where_a_url_points() {
    let url = ("DATABASE_URL", "postgres://me@localhost/db");
    for name in ["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "PGPASSWORD"] {
        assert_eq!(password(&env(&[url, (name, "/no/such/file")]).unwrap()), None, "{name}");
    }
}

#[test]
fn each_setting_is_read_from_a_url_and_from_the_environment_alike() {
    let file = std::env::temp_dir().join(format!("pgrepo-env-{}", std::process::id()));
    std::fs::write(&file, "of the file\n").unwrap();
    let value = |subject: &str, name: &str| match subject {
        "host" => "localhost".to_owned(),
        "port" => "7".to_owned(),
        "user" | "database" | "application_name" => "ours".to_owned(),
        "password" if name.to_lowercase() == "password_file" => file.display().to_string(),
        "password" => "known".to_owned(),
        "passfile" => file.display().to_string(),
        "sslmode" => "disable".to_owned(),
        "sslrootcert" | "sslcert" | "sslkey" => "/file".to_owned(),
        "allow_plaintext_password" | "trace_sql" => "true".to_owned(),
        "max_connections" | "max_waiting" | "statement_cache" => "7".to_owned(),
        _ => "7s".to_owned(),
    };
    for setting in SETTINGS {
        // A certificate needs its key, and no TLS leaves both unread.
        let others: &[(&str, &str)] = match setting.subject {
            "sslcert" => &[("POSTGRES_SSL_MODE", "disable"), ("POSTGRES_SSL_KEY", "/key")],
            "sslkey" => &[("POSTGRES_SSL_MODE", "disable"), ("POSTGRES_SSL_CERT", "/cert")],
            "sslmode" => &[],
            _ => &[("POSTGRES_SSL_MODE", "disable")],
        };
        let variable = postgres(setting.variable);
        let names = [setting.libpq, &variable].into_iter().filter(|name| !name.is_empty());
        let mut read: Vec<(String, DbConfig)> = names
            .map(|name| {
                let value = value(setting.subject, setting.variable);
                let variables: Vec<_> = others.iter().copied().chain([(name, &*value)]).collect();
                (name.to_owned(), env(&variables).unwrap())
            })
            .collect();
        if !setting.parameter.is_empty() {
            let value = value(setting.subject, setting.parameter);
            let url = format!("postgres://postgres@localhost?{}={value}", setting.parameter);
            let variables: Vec<_> = others.iter().copied().chain([("DATABASE_URL", &*url)]).collect();
            read.push((format!("the parameter {}", setting.parameter), env(&variables).unwrap()));
        }
        let base = env(&others[..others.len().min(1)]).unwrap();
        for (name, config) in &read {
            assert_eq!(*config, read[0].1, "{name} and {}", read[0].0);
            let default = matches!(setting.subject, "host" | "passfile");
            assert_eq!(*config == base, default, "{name} changes the config");
        }
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_stage_reads_its_own_variables_only() {
    let variables = [
        ("STAGING_POSTGRES_HOST", "localhost"),
        ("STAGING_PGPORT", "7"),
        ("POSTGRES_PASSWORD", "of another"),
        ("POSTGRES_PORT", "8"),
        ("LIVE_DATABASE_URL", "postgres://live@localhost:9/live"),
    ];
    let staging = prefixed("STAGING_", &variables).read().unwrap();
    assert_eq!((staging.port, password(&staging)), (7, None));
    let live = prefixed("LIVE_", &variables).read().unwrap();
    assert_eq!((live.port, &*live.user, password(&live)), (9, "live", None));
    let error = prefixed("STAGNIG_", &variables).read().unwrap_err();
    assert!(error.to_string().contains("STAGNIG_DATABASE_URL"), "{error}");
    let error = prefixed("STAGING_", &[("STAGING_POSTGRES_PORT", "x")]).read().unwrap_err();
    assert!(error.to_string().starts_with("STAGING_POSTGRES_PORT is"), "{error}");
}

#[test]
fn a_password_stands_in_a_file() {
    let dir = std::env::temp_dir().join(format!("pgrepo-passwords-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let secret = file("secret", " p w \r\n");
    assert_eq!(password(&env(&[("POSTGRES_PASSWORD_FILE", &secret), ("PGPASSWORD", "x")]).unwrap()), Some(" p w "));
    let empty = file("empty", "\n");
    assert!(problem(&[("POSTGRES_PASSWORD_FILE", &empty)]).contains("POSTGRES_PASSWORD_FILE names the file"));

    let pgpass = file(".pgpass", "localhost:5432:*:me:of the pass file\n");
    let home = dir.to_str().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        assert_eq!(password(&env(&[("HOME", home), ("PGUSER", "me")]).unwrap()), None, "others may read it");
        mode(0o600);
    }
    let found = Some("of the pass file");
    assert_eq!(password(&env(&[("HOME", home), ("PGUSER", "me")]).unwrap()), found);
    assert_eq!(password(&env(&[("HOME", home), ("PGUSER", "you")]).unwrap()), None);
    assert_eq!(password(&env(&[("HOME", home), ("PGUSER", "me"), ("PGPASSWORD", "x")]).unwrap()), Some("x"));
    assert_eq!(password(&env(&[("PGPASSFILE", &pgpass), ("PGUSER", "me")]).unwrap()), found);
    assert_eq!(password(&env(&[("PGPASSFILE", &empty), ("HOME", home), ("PGUSER", "me")]).unwrap()), None);
    let url = [("HOME", home), ("DATABASE_URL", "postgres://me@localhost/d")];
    assert_eq!(password(&env(&url).unwrap()), found);
    let url = format!("postgres://me@localhost/d?passfile={pgpass}");
    assert_eq!(password(&DbConfig::from_url(&url).unwrap()), found);
    assert_eq!(password(&DbConfig::from_url("postgres://me@localhost/d").unwrap()), None);
    let mut config = DbConfig { user: "me".into(), ..DbConfig::default() };
    config = config.with_pgpass(&pgpass).unwrap();
    assert_eq!(password(&config), found);
    assert!(problem(&[("PGPASSFILE", "/no/such")]).contains("passfile names the file /no/such"));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_switch_and_a_mode_must_not_say_the_opposite() {
    let mode = |variables: &[(&str, &str)]| env(variables).unwrap().tls.mode;
    assert_eq!(mode(&[("POSTGRES_USE_SSL", "false")]), Some(TlsMode::Disable));
    assert_eq!(mode(&[("POSTGRES_USE_SSL", "0"), ("PGSSLMODE", "disable")]), Some(TlsMode::Disable));
    for (on, name, other) in [
        ("false", "POSTGRES_SSL_MODE", "require"),
        ("off", "PGSSLMODE", "verify-full"),
        ("no", "PGSSLMODE", "prefer"),
        ("true", "POSTGRES_SSL_MODE", "disable"),
        ("1", "PGSSLMODE", "prefer"),
    ] {
        let said = problem(&[("POSTGRES_USE_SSL", on), (name, other)]);
        assert!(said.contains("POSTGRES_USE_SSL is") && said.contains(&format!("{name} is {other}")), "{said}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_that_is_turned_on_verifies() {
    let config = env(&[("POSTGRES_USE_SSL", "true")]).unwrap();
    assert_eq!(config.tls.mode, Some(TlsMode::VerifyFull));
}

#[test]
fn a_variable_that_is_near_to_a_known_one_is_told() {
    let environment = prefixed(
        "",
        &[
            ("POSTGRES_PASWORD", "x"),
            ("POSTGRES_SSLMODE", "x"),
            ("POSTGRES_HOST_AUTH_METHOD", "trust"),
            ("POSTGRES_INITDB_ARGS", "x"),
            ("POSTGRES_VERSION", "18"),
            ("POSTGRES_HOST", "localhost"),
        ],
    );
    let told = environment.misspelt();
    let meant = [("POSTGRES_PASWORD", "POSTGRES_PASSWORD"), ("POSTGRES_SSLMODE", "POSTGRES_SSL_MODE")];
    assert_eq!(told, meant.map(|(name, near)| (name, near.to_owned())));
    environment.read().unwrap();
}

#[test]
fn what_libpq_would_keep_and_we_do_not_is_refused() {
    let url = ("DATABASE_URL", "postgres://me@localhost/db");
    for (name, harmless, _) in NOT_KEPT {
        assert!(problem(&[(name, "x")]).starts_with(&format!("{name} is set")));
        for value in harmless {
            env(&[(name, value)]).unwrap();
        }
    }
    env(&[url, ("PGSERVICE", "x"), ("PGHOSTADDR", "x")]).unwrap();
    assert!(problem(&[url, ("PGREQUIREAUTH", "x")]).starts_with("PGREQUIREAUTH is set"));
}

/// Each of these is an error before anything is connected to, that names the setting and the way out.
#[test]
fn what_cannot_be_meant_names_the_setting_and_the_way_out() {
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    const CASES: &[Case] = &[
        (&[("POSTGRES_PORT", "0")], &["port is 0", "1 to 65535"]),
        (&[("POSTGRES_PORT", "70000")], &["POSTGRES_PORT", "70000", "1 to 65535"]),
        (&[("PGPORT", "fifty")], &["PGPORT", "fifty", "1 to 65535"]),
        (&[("DATABASE_URL", "postgres://h:70000/d")], &["DATABASE_URL", "port"]),
        (&[("DATABASE_URL", "postgres://localhost:0/d")], &["port is 0", "1 to 65535"]),
        (&[("DATABASE_URL", "postgres://localhost/d?port=70000")], &["the parameter port of DATABASE_URL", "65535"]),
        (&[("DATABASE_URL", "postgres://localhost/d?host=")], &["the host is empty", "a name"]),
        (&[("POSTGRES_HOST", "a,b")], &["the host is a list", "name that one"]),
        (&[("DATABASE_URL", "mysql://localhost/d")], &["DATABASE_URL", "postgres://"]),
        (&[("DATABASE_URL", "postgres://u:p#x@localhost/d")], &["DATABASE_URL"]),
        (&[("DATABASE_URL", "postgres://localhost/d?sslmod=require")], &["\"sslmod\"", "did you mean sslmode?"]),
        (&[("DATABASE_URL", "postgres://localhost/d?ssl=true")], &["\"ssl\"", "did you mean sslmode?"]),
        (&[("DATABASE_URL", "postgres://localhost/d?user=a&user=b")], &["the parameter user", "twice"]),
        (&[("DATABASE_URL", "postgres://localhost/d?options=-c%20x=y")], &["\"options\""]),
        (&[("DATABASE_URL", "postgres://localhost/d?lock_timeout=5m")], &["lock_timeout", "\"5m\"", "5min"]),
        (&[("POSTGRES_MAX_CONNECTIONS", "0")], &["max_connections is 0", "at least 1"]),
        (&[("POSTGRES_MAX_CONNECTIONS", "10001")], &["max_connections", "10000"]),
        (&[("POSTGRES_MAX_CONNECTIONS", "-1")], &["POSTGRES_MAX_CONNECTIONS", "-1"]),
        (&[("POSTGRES_MAX_WAITING", "many")], &["POSTGRES_MAX_WAITING", "off"]),
        (&[("POSTGRES_STATEMENT_CACHE", "0")], &["statement_cache is 0", "at least"]),
        (&[("PGCONNECT_TIMEOUT", "0")], &["connect_timeout is 0", "longer"]),
        (&[("POSTGRES_ACQUIRE_TIMEOUT", "0ms")], &["acquire_timeout is 0", "longer"]),
        (&[("POSTGRES_CLOSE_TIMEOUT", "0")], &["close_timeout is 0", "longer"]),
        (&[("POSTGRES_COMMAND_TIMEOUT", "0")], &["statement_timeout is 0", "None"]),
        (&[("POSTGRES_COMMAND_TIMEOUT", "1000h")], &["statement_timeout is longer"]),
        (&[("POSTGRES_LOCK_TIMEOUT", "0")], &["lock_timeout is 0", "None"]),
        (&[("POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT", "0")], &["idle_in_transaction_timeout is 0", "None"]),
        (&[("POSTGRES_MAX_LIFETIME", "0")], &["max_lifetime is 0", "None"]),
        (&[("POSTGRES_MAX_IDLE", "0")], &["max_idle is 0", "None"]),
        (&[("POSTGRES_MAX_IDLE", "-5")], &["POSTGRES_MAX_IDLE", "-5"]),
        (&[("POSTGRES_USE_SSL", "maybe")], &["POSTGRES_USE_SSL", "true nor false"]),
        (&[("POSTGRES_SSL_MODE", "Require")], &["POSTGRES_SSL_MODE", "did you mean require?"]),
        (&[("PGSSLMODE", "allow")], &["PGSSLMODE", "prefer"]),
        (&[("PGSSLMODE", "on")], &["PGSSLMODE", "verify-full"]),
        (&[("POSTGRES_PASSWORD", "a"), ("POSTGRES_PASSWORD_FILE", "/b")], &["POSTGRES_PASSWORD_FILE", "set one"]),
        (&[("POSTGRES_DB", "a"), ("POSTGRES_DATABASE", "b")], &["POSTGRES_DB", "POSTGRES_DATABASE", "set one"]),
        (&[("POSTGRES_COMMAND_TIMEOUT", "1"), ("POSTGRES_STATEMENT_TIMEOUT", "1")], &["COMMAND", "set one"]),
        (&[("POSTGRES_PASSWORD_FILE", "/no/such")], &["POSTGRES_PASSWORD_FILE", "/no/such"]),
        (&[("PGSSLMODE", "prefer"), ("PGSSLROOTCERT", "/ca")], &["tls.root_cert", "verify-full"]),
        (&[("PGSSLMODE", "disable"), ("PGSSLCERT", "/c")], &["tls.client_key", "set both"]),
        (&[("PGSSLMODE", "disable"), ("PGSSLKEY", "/k")], &["tls.client_cert", "set both"]),
    ];
    for (variables, parts) in CASES {
        let said = problem(variables);
        for part in *parts {
            assert!(said.contains(part), "{variables:?}: {said:?} does not say {part:?}");
        }
    }
}

#[test]
fn fault_42_a_password_does_not_go_to_another_machine_in_plain_text() {
    let other =
        [("POSTGRES_HOST", "db.example.com"), ("POSTGRES_SSL_MODE", "disable"), ("POSTGRES_PASSWORD", "canary")];
    let said = problem(&other);
    assert!(said.contains("db.example.com in plain text") && said.contains("allow_plaintext_password"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let mut callback = env(&other[..2]).unwrap();
    callback = callback.with_password_callback(|| async { Ok::<_, std::fmt::Error>(Password::new("canary")) });
    assert!(callback.checked().unwrap_err().to_string().contains("allow_plaintext_password"));

    let allowed: Vec<_> = other.into_iter().chain([("POSTGRES_ALLOW_PLAINTEXT_PASSWORD", "true")]).collect();
    env(&allowed).unwrap();
    for host in ["localhost", "127.0.0.1", "127.3.2.1", "::1", "/var/run/postgresql"] {
        env(&[("POSTGRES_HOST", host), other[1], other[2]]).unwrap();
    }
    for host in ["10.0.0.1", "::2", "localhost.example.com", "127.0.0.1.example.com", "0.0.0.0"] {
        assert!(problem(&[("POSTGRES_HOST", host), other[1], other[2]]).contains("in plain text"));
    }
    if cfg!(feature = "tls") {
        assert!(problem(&[other[0], ("PGSSLMODE", "prefer"), other[2]]).contains("tls.mode is prefer"));
        for mode in ["require", "verify-full"] {
            env(&[other[0], ("PGSSLMODE", mode), other[2]]).unwrap();
        }
        env(&[other[0], other[2]]).unwrap();
    } else {
        assert!(problem(&[other[0], other[2]]).contains("feature `tls`"));
    }
}

#[test]
fn mistakes_never_show_the_password() {
    for url in [
        "postgres://u:canary@h/d?sslmod=require",
        "postgres://u:canary@h:70000/d",
        "postgres://u:canary#@h/d",
        "postgres://u@h/d?password=canary&password=canary",
        "mysql://u:canary@h/d",
        "u:canary@h",
    ] {
        let error = DbConfig::from_url(url).unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    let config = DbConfig::from_url("postgres://u:canary@localhost/d").unwrap();
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn a_socket_folder_is_a_host() {
    let config = DbConfig::from_url("postgres://postgres@localhost/db?host=/tmp/x&port=9&sslmode=verify-full").unwrap();
    assert_eq!((&*config.host, config.port, config.tls_mode()), ("/tmp/x", 9, TlsMode::Disable));
}

#[test]
fn a_text_with_nul_is_refused() {
    let config = DbConfig { user: "a\0options\0-c x=y".into(), ..DbConfig::default() };
    assert!(config.checked().unwrap_err().to_string().contains("NUL"));
}
