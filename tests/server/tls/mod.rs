//! What the modes of TLS ask of a server, beside what libpq makes of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgrepo::testkit::{Server, ServerOptions, need};
use pgrepo::{Db, DbConfig, ErrorKind, TlsMode};

use crate::config::child;

use self::authority::{Authority, Folder, Identity};

pub(crate) mod authority;
mod files;
mod limits;

/// The host that the server's certificate names, and another name of the same address.
pub(crate) const RIGHT: &str = "localhost";
const WRONG: &str = "127.0.0.1";

/// A server whose certificate is one of an authority's; over TCP it takes TLS only.
pub(crate) async fn server(authority: &Authority, hba: &[&str]) -> Server {
    let Identity { certificate, key } = authority.server(RIGHT);
    let mut options = ServerOptions::private()
        .with_setting("ssl", "on")
        .with_setting("ssl_cert_file", "ours.crt")
        .with_setting("ssl_key_file", "ours.key")
        .with_setting("ssl_ca_file", "ca.crt");
    options.files = vec![
        ("ours.crt".to_owned(), certificate),
        ("ours.key".to_owned(), key),
        ("ca.crt".to_owned(), authority.certificate.clone()),
    ];
    let ours = ["hostnossl all all 127.0.0.1/32 reject", "hostssl all all 127.0.0.1/32 trust"];
    options.hba = hba.iter().chain(&ours).map(|line| (*line).to_owned()).collect();
    Server::start(options).await.unwrap()
}

/// What came of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Plain,
    Tls,
    Refused,
}

const IS_TLS: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// One way to connect.
#[derive(Debug, Clone)]
struct Attempt<'a> {
    port: u16,
    user: &'a str,
    mode: &'a str,
    host: &'a str,
    root: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

impl Attempt<'_> {
    /// libpq's verdict.
    fn psql(&self, psql: &Path, home: &Path) -> Verdict {
        let mut command = Command::new(psql);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
        command.env("PGHOST", self.host).env("PGHOSTADDR", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", self.user).env("PGDATABASE", "postgres").env("PGSSLMODE", self.mode);
        command.env("PGGSSENCMODE", "disable").env("PGCONNECT_TIMEOUT", "20");
        if let Some(root) = &self.root {
            command.env("PGSSLROOTCERT", root);
        }
        if let Some((certificate, key)) = &self.client {
            command.env("PGSSLCERT", certificate).env("PGSSLKEY", key);
        }
        let output = command.args(["-XAtc", IS_TLS]).output().unwrap();
        match &*String::from_utf8_lossy(&output.stdout) {
            "t\n" => Verdict::Tls,
            "f\n" => Verdict::Plain,
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains("connection to server"), "psql says {said}");
                Verdict::Refused
            }
        }
    }

    fn config(&self) -> pgrepo::Result<DbConfig> {
        let mut config = DbConfig::default();
        self.host.clone_into(&mut config.host);
        self.user.clone_into(&mut config.user);
        config.database = Some("postgres".to_owned());
        config.port = self.port;
        config.tls.mode = Some(self.mode.parse()?);
        config.tls.root_cert.clone_from(&self.root);
        if let Some((certificate, key)) = &self.client {
            config.tls.client_cert = Some(certificate.clone());
            config.tls.client_key = Some(key.clone());
        }
        Ok(config)
    }

    async fn ours(&self) -> Verdict {
        let connected = match self.config() {
            Ok(config) => Db::connect(config).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(db) if db.query(IS_TLS).fetch_one::<bool>().await.unwrap() => Verdict::Tls,
            Ok(_) => Verdict::Plain,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Connection), "{error:?}");
                Verdict::Refused
            }
        }
    }
}

/// Where pgrepo refuses what libpq takes: the mode, the root certificate's kind, whether the server has TLS.
///
/// There is no `allow`; `prefer` would not look at a root certificate, so both together are an error; and a file that is not
/// there is one in every mode that has TLS.
const STRICTER: [(&str, &str, bool); 10] = [
    ("allow", "right", true),
    ("allow", "none", true),
    ("prefer", "right", true),
    ("require", "absent", true),
    ("prefer", "absent", true),
    ("allow", "absent", true),
    ("allow", "*", false),
    ("prefer", "right", false),
    ("prefer", "wrong", false),
    ("prefer", "absent", false),
];

#[tokio::test]
async fn fault_41_each_mode_is_libpq_s_or_stricter() {
    let Some(psql) = need("fault_41", "psql", "apt-get install postgresql-client") else { return };
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let with_tls = server(&authority, &[]).await;
    let mut options = ServerOptions::private();
    options.hba = vec!["host all all 127.0.0.1/32 trust".to_owned()];
    let without = Server::start(options).await.unwrap();
    let folder = Folder::new("modes");
    let roots = [
        ("right", Some(folder.file("right.crt", &authority.certificate))),
        ("wrong", Some(folder.file("wrong.crt", &other.certificate))),
        ("none", None),
        ("absent", Some(folder.path().join("absent.crt"))),
    ];
    let mut table = Vec::new();
    for (server, has_tls) in [(&with_tls, true), (&without, false)] {
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
            for (root, path) in &roots {
                for host in [RIGHT, WRONG] {
                    let port = server.port().unwrap();
                    let attempt = Attempt { port, user: "postgres", mode, host, root: path.clone(), client: None };
                    table.push((has_tls, mode, *root, host, attempt.psql(&psql, folder.path()), attempt.ours().await));
                }
            }
        }
    }
    println!("{:8} {:12} {:7} {:10} {:8} pgrepo", "server", "mode", "root", "host", "psql");
    for (has_tls, mode, root, host, psql, ours) in &table {
        let server = if *has_tls { "TLS" } else { "no TLS" };
        println!("{server:8} {mode:12} {root:7} {host:10} {:8} {ours:?}", format!("{psql:?}"));
        let stricter = |&(m, r, t): &(&str, &str, bool)| m == *mode && (r == *root || r == "*") && t == *has_tls;
        if STRICTER.iter().any(stricter) {
            assert_eq!((*ours, *psql != Verdict::Refused), (Verdict::Refused, true), "{mode} {root} {host} {server}");
        } else {
            assert_eq!(ours, psql, "{mode} {root} {host} {server}");
        }
    }
    let count = |verdict| table.iter().filter(|row| row.5 == verdict).count();
    println!("of {}: TLS {}, plain {}", table.len(), count(Verdict::Tls), count(Verdict::Plain));
    assert!(count(Verdict::Tls) >= 8 && count(Verdict::Plain) >= 8, "both kinds connect");
}

#[tokio::test]
async fn fault_41_a_client_shows_its_certificate() {
    let Some(psql) = need("fault_41", "psql", "apt-get install postgresql-client") else { return };
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let server = server(&authority, &["hostssl all crew 127.0.0.1/32 cert"]).await;
    let admin = Db::from_url(&server.url("postgres")).await.unwrap();
    admin.execute_script("CREATE ROLE crew LOGIN").await.unwrap();
    let folder = Folder::new("clients");
    let root = folder.file("root.crt", &authority.certificate);
    let files = |name: &str, identity: Identity| {
        let certificate = folder.file(&format!("{name}.crt"), &identity.certificate);
        Some((certificate, folder.file(&format!("{name}.key"), &identity.key)))
    };
    for (client, verdict) in [
        (files("right", authority.client("crew")), Verdict::Tls),
        (files("another-role", authority.client("captain")), Verdict::Refused),
        (files("another-authority", other.client("crew")), Verdict::Refused),
        (None, Verdict::Refused),
    ] {
        for mode in ["prefer", "require", "verify-full"] {
            let root = Some(root.clone()).filter(|_| mode != "prefer");
            let port = server.port().unwrap();
            let attempt = Attempt { port, user: "crew", mode, host: RIGHT, root, client: client.clone() };
            assert_eq!(attempt.ours().await, verdict, "{attempt:?}");
            assert_eq!(attempt.psql(&psql, folder.path()), verdict, "{attempt:?}");
        }
    }
}

#[tokio::test]
async fn fault_41_a_root_certificate_without_a_mode_asks_for_all() {
    let authority = Authority::new("ours");
    let server = server(&authority, &[]).await;
    let folder = Folder::new("defaults");
    let root = folder.file("root.crt", &authority.certificate);
    let mut config = DbConfig::default();
    config.port = server.port().unwrap();
    "127.0.0.1".clone_into(&mut config.host);
    assert_eq!(Db::connect(config.clone()).await.unwrap_err().kind(), ErrorKind::Connection, "no TLS to loopback");
    config.tls.root_cert = Some(root);
    let error = Db::connect(config.clone()).await.unwrap_err();
    assert!(format!("{error:?}").contains("not valid for name"), "a root certificate asks for all: {error:?}");
    "localhost".clone_into(&mut config.host);
    let db = Db::connect(config.clone()).await.unwrap();
    assert!(db.query(IS_TLS).fetch_one::<bool>().await.unwrap());
    assert_eq!(db.query("SELECT 1").fetch_one::<i32>().await.unwrap(), 1);
    db.ping().await.unwrap();
    config.tls.root_cert = None;
    config.tls.mode = Some(TlsMode::Require);
    Db::connect(config).await.unwrap();
}

#[tokio::test]
async fn certificates_of_the_environment_do_not_take_effect() {
    let authority = Authority::new("ours");
    let server = server(&authority, &["hostssl all crew 127.0.0.1/32 cert"]).await;
    let folder = Folder::new("environment");
    let root = folder.file("root.crt", &authority.certificate);
    let url = |more: &str| format!("postgres://postgres@localhost:{}/postgres?{more}", server.port().unwrap());
    let known = url(&format!("sslmode=verify-full&sslrootcert={}", root.display()));
    let environment = ("PGSSLROOTCERT", root.to_str().unwrap());
    let said = child(&known, &[environment]);
    assert!(said.contains("connected"), "{said}");
    let said = child(&url("sslmode=verify-full"), &[environment]);
    let refused = format!("no connection to localhost, port {}, with TLS of mode verify-full", server.port().unwrap());
    assert!(said.contains(&refused) && said.contains("UnknownIssuer"), "{said}");
    println!("{said}");
    for name in ["PGSSLCERT", "PGSSLKEY"] {
        let said = child(&url("sslmode=require"), &[(name, "/canary")]);
        assert!(said.contains(&format!("Config: connect: {name} is set")), "{said}");
    }
}
