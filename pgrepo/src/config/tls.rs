use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::DbConfig;
use super::near::{listed, nearest};
use crate::error::{Error, ErrorKind, Result};

/// Whether connections are encrypted, whom they trust, and as whom they identify themselves.
///
/// Servers are trusted whose certificates go back to one of Mozilla's root certificates, which are built in, or to one in
/// `root_cert`. So a private root does not take the public ones away, which it does in libpq: with
/// [`VerifyCa`](TlsMode::VerifyCa) any server passes that has a public certificate. [`VerifyFull`](TlsMode::VerifyFull)
/// is what to use: there the name has to be right too.
///
/// The files are looked at when the pool is made: one that cannot be read, holds no PEM, or a key that does not belong to
/// its certificate is an error before anything is connected to. They are read again for each connection, so they may be
/// renewed in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// How much TLS is asked for. Default `None`: `disable` to this machine (`localhost`, a loopback address) as long as
    /// nothing else of TLS is set, `verify-full` to any other. A unix socket never has TLS, whatever is asked for.
    pub mode: Option<TlsMode>,
    /// A PEM file of certificates that may vouch for the server, besides the public ones. Default `None`.
    pub root_cert: Option<PathBuf>,
    /// A PEM file of the client's certificate, and of those between it and a root. Default `None`.
    pub client_cert: Option<PathBuf>,
    /// A PEM file of the key to it, not encrypted, that only its owner may read. Default `None`.
    pub client_key: Option<PathBuf>,
}

/// What is asked of a server in matters of TLS, as
/// [libpq's `sslmode`](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION) has it, or stricter.
///
/// There is no `allow`, which is plain text unless the server insists: `prefer` asks for more and connects to the same
/// servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsMode {
    /// Plain text.
    Disable,
    /// TLS if the server offers it, whoever it is; plain text if not, where a password may go that way. A handshake that
    /// fails is an error: unlike libpq it does not go on in plain text.
    Prefer,
    /// TLS, whoever the server is; where a root certificate is given, as `VerifyCa`.
    Require,
    /// TLS with a server whose certificate is a trusted authority's.
    VerifyCa,
    /// TLS with a server whose certificate is a trusted authority's and names the host that is connected to, among its
    /// alternative names.
    VerifyFull,
}

impl TlsMode {
    const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// As libpq writes it.
impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// From libpq's word for it.
impl FromStr for TlsMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(mode) = Self::ALL.into_iter().find(|mode| mode.name() == text) {
            return Ok(mode);
        }
        let known = Self::ALL.map(Self::name);
        let hint = match text {
            "allow" => "prefer connects to the same servers and asks for more".to_owned(),
            _ => match nearest(text, known) {
                Some(near) => format!("did you mean {near}? The known ones are {}", listed(known)),
                None => format!("the known ones are {}", listed(known)),
            },
        };
        Err(wrong(format!("there is no TLS mode {text:?}: {hint}")))
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl DbConfig {
    fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// Whether nothing goes over a network.
    fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.is_socket() || self.host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
    }

    /// The mode that a connection has.
    pub(crate) fn tls_mode(&self) -> TlsMode {
        let TlsConfig { mode, root_cert, client_cert, client_key } = &self.tls;
        match mode {
            _ if self.is_socket() => TlsMode::Disable,
            Some(TlsMode::Require) if root_cert.is_some() => TlsMode::VerifyCa,
            Some(TlsMode::Prefer) if !cfg!(feature = "tls") => TlsMode::Disable,
            Some(mode) => *mode,
            None if self.is_local() && root_cert.is_none() && client_cert.is_none() && client_key.is_none() => {
                TlsMode::Disable
            }
            None => TlsMode::VerifyFull,
        }
    }

    pub(super) fn check_tls(&self) -> Result<()> {
        let mode = self.tls_mode();
        let TlsConfig { mode: asked, root_cert, client_cert, client_key } = &self.tls;
        if *asked == Some(TlsMode::Prefer) && root_cert.is_some() {
            return Err(wrong(
                "tls.mode is prefer and tls.root_cert is set, which prefer would not look at: ask for verify-full or \
                 verify-ca, or leave the root certificate out"
                    .to_owned(),
            ));
        }
        match (client_cert, client_key) {
            (Some(_), None) => return Err(wrong("tls.client_cert is set and tls.client_key is not: set both".into())),
            (None, Some(_)) => return Err(wrong("tls.client_key is set and tls.client_cert is not: set both".into())),
            _ => {}
        }
        if matches!(mode, TlsMode::Disable | TlsMode::Prefer) {
            self.check_plaintext(mode)?;
        }
        if mode == TlsMode::Disable {
            return Ok(());
        }
        if !cfg!(feature = "tls") {
            let why = if asked.is_some() { "" } else { ", which is the default for a host that is not this machine" };
            return Err(wrong(format!(
                "tls.mode is {mode}{why}, and pgrepo is built without TLS: turn its feature `tls` on, or disable TLS \
                 where the network is trusted (sslmode=disable)"
            )));
        }
        files::check(root_cert.as_deref(), client_cert.as_deref().zip(client_key.as_deref()))
    }

    /// The driver answers whatever the server asks for, a password in clear text too.
    fn check_plaintext(&self, mode: TlsMode) -> Result<()> {
        let has_password = self.password.is_some() || self.password_callback.is_some();
        if !has_password || self.is_local() || self.allow_plaintext_password {
            return Ok(());
        }
        Err(wrong(format!(
            "tls.mode is {mode}, so the password may go to {} in plain text: ask for TLS (verify-full, or at least \
             require), or set allow_plaintext_password where everybody on the network may know it",
            self.host
        )))
    }
}

#[cfg(not(feature = "tls"))]
mod files {
    use super::{Path, Result};

    pub(super) fn check(_: Option<&Path>, _: Option<(&Path, &Path)>) -> Result<()> {
        Ok(())
    }
}

#[cfg(feature = "tls")]
mod files {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ClientConfig, RootCertStore};

    use super::{Error, ErrorKind, Path, Result};

    /// Looks whether the driver will be able to use them.
    pub(super) fn check(root: Option<&Path>, client: Option<(&Path, &Path)>) -> Result<()> {
        if let Some(path) = root {
            let mut store = RootCertStore::empty();
            for certificate in certificates("tls.root_cert", path)? {
                store.add(certificate).map_err(|e| unfit("tls.root_cert", path, "holds no usable certificate", e))?;
            }
        }
        let Some((certificate, key)) = client else { return Ok(()) };
        let chain = certificates("tls.client_cert", certificate)?;
        private(key)?;
        let der = PrivateKeyDer::from_pem_slice(&read("tls.client_key", key)?)
            .map_err(|e| unfit("tls.client_key", key, "holds no private key in PEM that is not encrypted", e))?;
        let failed = |e: rustls::Error| {
            unfit("tls.client_key", key, &format!("does not fit the certificate {}", certificate.display()), e)
        };
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(RootCertStore::empty())
            .with_client_auth_cert(chain, der)
            .map_err(failed)?;
        Ok(())
    }

    fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let pem = read(setting, path)?;
        let all: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|e| unfit(setting, path, "holds no certificate in PEM", e))?;
        if all.is_empty() {
            let e = "there is no line -----BEGIN CERTIFICATE-----";
            return Err(unfit(setting, path, "holds no certificate in PEM", e));
        }
        Ok(all)
    }

    fn read(setting: &str, path: &Path) -> Result<Vec<u8>> {
        std::fs::read(path).map_err(|e| unfit(setting, path, "cannot be read", e))
    }

    fn unfit(
        setting: &str,
        path: &Path,
        what: &str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let hint = match setting {
            "tls.root_cert" if path == Path::new("system") => ": public roots are trusted where none is given",
            _ => "",
        };
        let message = format!("{setting} names the file {}, which {what}{hint}", path.display());
        Error::new(ErrorKind::Config, message).caused_by(cause)
    }

    /// A key that others may read is refused, as in libpq; the group may where the owner is root.
    #[cfg(unix)]
    fn private(path: &Path) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).map_err(|e| unfit("tls.client_key", path, "cannot be read", e))?;
        let others = if file.uid() == 0 { 0o037 } else { 0o077 };
        if file.mode() & others != 0 {
            let mode = format!("its mode is {:o}; make it 600", file.mode() & 0o777);
            return Err(unfit("tls.client_key", path, "others than its owner may read", mode));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn private(_: &Path) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(host: &str, tls: TlsConfig) -> TlsMode {
        DbConfig { host: host.to_owned(), tls, ..DbConfig::default() }.tls_mode()
    }

    #[test]
    fn fault_41_the_default_verifies_unless_it_is_this_machine() {
        for host in ["db", "db.example.com", "10.0.0.1", "fe80::1", "localhost.localdomain", "0.0.0.0"] {
            assert_eq!(mode(host, TlsConfig::default()), TlsMode::VerifyFull, "{host}");
        }
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "/tmp"] {
            assert_eq!(mode(host, TlsConfig::default()), TlsMode::Disable, "{host}");
        }
        let root = TlsConfig { root_cert: Some("/ca".into()), ..TlsConfig::default() };
        assert_eq!(mode("localhost", root.clone()), TlsMode::VerifyFull);
        assert_eq!(mode("/tmp", root), TlsMode::Disable);
    }

    #[test]
    fn a_mode_s_word_is_libpq_s() {
        for mode in TlsMode::ALL {
            assert_eq!(mode.to_string().parse::<TlsMode>().unwrap(), mode);
        }
        for (text, hint) in [("verify_full", "did you mean verify-full?"), ("allow", "prefer"), ("x", "verify-ca")] {
            let error = text.parse::<TlsMode>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains(hint), "{error}");
        }
    }
}
