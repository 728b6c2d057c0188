use std::path::PathBuf;

/// Whether connections are encrypted, whom they trust, and as whom they identify themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// How much TLS is asked for. Default `None`: `disable` where nothing goes over a network, `verify-full` elsewhere.
    pub mode: Option<TlsMode>,
    /// A PEM file of certificates that may vouch for the server, besides the public ones. Default `None`.
    pub root_cert: Option<PathBuf>,
    /// A PEM file of the client's certificate. Default `None`.
    pub client_cert: Option<PathBuf>,
    /// A PEM file of the key to it. Default `None`.
    pub client_key: Option<PathBuf>,
}

/// What is asked of a server in matters of TLS, as libpq's `sslmode` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsMode {
    /// Plain text.
    Disable,
    /// TLS if the server offers it, whoever it is.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS with a server whose certificate is one of a trusted authority's.
    VerifyCa,
    /// TLS with a server whose certificate is one of a trusted authority's, and was made for the host that is asked for.
    VerifyFull,
}
