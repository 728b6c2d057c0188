//! The limit of connecting holds wherever the network falls silent.

use std::time::{Duration, Instant};

use pgrepo::{Db, DbConfig, ErrorKind, Password, TlsMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::LONG;

const LIMIT: Duration = Duration::from_millis(300);

/// A server that gives these answers, each to something that it has read, and says nothing more: its port.
async fn silent(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut clients = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            clients.push(tokio::spawn(async move {
                let mut some = [0; 4096];
                for answer in answers {
                    if client.read(&mut some).await.is_ok_and(|length| length > 0) {
                        client.write_all(answer).await.ok();
                    }
                }
                // Until the client goes away.
                while client.read(&mut some).await.is_ok_and(|length| length > 0) {}
            }));
        }
    });
    port
}

fn config(port: u16) -> DbConfig {
    let mut config = DbConfig::default();
    (config.host, config.port) = ("127.0.0.1".to_owned(), port);
    config.password = Some(Password::new("secret"));
    (config.connect_timeout, config.acquire_timeout) = (LIMIT, LONG);
    config
}

async fn holds(config: DbConfig) {
    let begun = Instant::now();
    let error = Db::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(error.to_string().contains("within 300ms"), "{error}");
    assert!((LIMIT..LONG / 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn fault_17_at_connect() {
    // Linux drops what comes to a full queue, and the client goes on asking.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(client) = tokio::time::timeout(LIMIT, TcpStream::connect(address)).await {
        queue.push(client.unwrap());
        assert!(queue.len() < 100, "the queue has an end");
    }
    holds(config(address.port())).await;
}

#[tokio::test]
async fn fault_17_in_the_tls_handshake() {
    const YES: &[u8] = b"S";
    const BEGUN: &[u8] = b"\x16\x03\x03";
    for answers in [&[][..], &[YES], &[YES, BEGUN]] {
        let mut config = config(silent(answers).await);
        config.tls.mode = Some(TlsMode::Require);
        holds(config).await;
    }
}

#[tokio::test]
async fn fault_17_in_authentication() {
    const SCRAM: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
    const CLEAR: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
    for answers in [&[][..], &[SCRAM], &[CLEAR]] {
        holds(config(silent(answers).await)).await;
    }
}

#[tokio::test]
async fn fault_17_in_the_password_callback() {
    let callback = config(1).with_password_callback(std::future::pending::<Result<Password, std::fmt::Error>>);
    holds(callback).await;
}
