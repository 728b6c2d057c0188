//! Certificates and keys that cannot be used are told before anything is connected to.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pgrepo::config::TlsConfig;
use pgrepo::{Db, DbConfig, ErrorKind};

use super::authority::{Authority, Folder};

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_its_setting() {
    let folder = Folder::new("files");
    let authority = Authority::new("ours");
    let (one, other) = (authority.client("one"), authority.client("other"));
    let root = folder.file("root.crt", &authority.certificate);
    let certificate = folder.file("one.crt", &one.certificate);
    let key = folder.file("one.key", &one.key);
    let other_key = folder.file("other.key", &other.key);
    let text = folder.file("text", "no PEM");
    let cut = folder.file("cut.crt", &one.certificate[..one.certificate.len() / 2]);
    let wrong = folder.file("wrong.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let read_by_all = folder.file("all.key", &one.key);
    std::fs::set_permissions(&read_by_all, std::fs::Permissions::from_mode(0o644)).unwrap();
    let absent = folder.path().join("absent");

    let tls = |root: Option<&PathBuf>, client: Option<(&PathBuf, &PathBuf)>| {
        let mut tls = TlsConfig::default();
        tls.root_cert = root.cloned();
        tls.client_cert = client.map(|(certificate, _)| certificate.clone());
        tls.client_key = client.map(|(_, key)| key.clone());
        tls
    };
    let mut config = DbConfig::default();
    // Nothing listens there: whoever connects gets another error.
    (config.host, config.port) = ("127.0.0.1".to_owned(), 1);
    for (tls, setting, file, what) in [
        (tls(Some(&absent), None), "tls.root_cert", &absent, "cannot be read"),
        (tls(Some(&text), None), "tls.root_cert", &text, "no certificate in PEM"),
        (tls(Some(&cut), None), "tls.root_cert", &cut, "no certificate in PEM"),
        (tls(Some(&wrong), None), "tls.root_cert", &wrong, "no usable certificate"),
        (tls(Some(&key), None), "tls.root_cert", &key, "no certificate in PEM"),
        (tls(Some(&PathBuf::from("system")), None), "tls.root_cert", &"system".into(), "public roots are trusted"),
        (tls(None, Some((&absent, &key))), "tls.client_cert", &absent, "cannot be read"),
        (tls(None, Some((&text, &key))), "tls.client_cert", &text, "no certificate in PEM"),
        (tls(None, Some((&certificate, &absent))), "tls.client_key", &absent, "cannot be read"),
        (tls(None, Some((&certificate, &text))), "tls.client_key", &text, "no private key in PEM"),
        (tls(None, Some((&certificate, &certificate))), "tls.client_key", &certificate, "no private key in PEM"),
        (tls(None, Some((&certificate, &other_key))), "tls.client_key", &other_key, "does not fit the certificate"),
        (tls(None, Some((&certificate, &read_by_all))), "tls.client_key", &read_by_all, "others than its owner"),
    ] {
        config.tls = tls;
        let error = Db::connect(config.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        for part in [setting, file.to_str().unwrap(), what] {
            assert!(error.to_string().contains(part), "{error:?} does not say {part}");
        }
        assert!(!format!("{error:?}").contains("BEGIN PRIVATE"), "{error:?}");
    }
    config.tls = tls(Some(&root), Some((&certificate, &key)));
    assert_eq!(Db::connect(config).await.unwrap_err().kind(), ErrorKind::Connection, "these can be used");
}
