//! Servers that answer an attempt to connect with an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use pgrepo::config::Password;
use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, DbConfig, ErrorKind, FaultClass};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Direct, LONG, serves};

/// A server that refuses so many connections with a SQLSTATE, and hands later ones on to the real one.
struct Refusing {
    port: u16,
    left: Arc<AtomicU32>,
    refused: Arc<AtomicU32>,
    /// Whether those that are not refused are never answered either.
    hangs: Arc<AtomicBool>,
}

impl Refusing {
    async fn start(db: &TestDatabase, state: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, real) = (listener.local_addr().unwrap().port(), db.server().port().expect("a private server"));
        let (left, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counts, counted) = (Arc::clone(&left), Arc::clone(&refused));
        let hangs = Arc::new(AtomicBool::new(false));
        let hang = Arc::clone(&hangs);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (counts, counted) = (Arc::clone(&counts), Arc::clone(&counted));
                let hang = Arc::clone(&hang);
                tokio::spawn(async move {
                    let startup = startup(&mut client).await?;
                    // The connection that ends sessions comes when it is needed, and is not counted.
                    let control = String::from_utf8_lossy(&startup).contains("(control)");
                    if !control && counts.try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                        counted.fetch_add(1, Ordering::SeqCst);
                        return refuse(&mut client, state).await;
                    }
                    if !control && hang.load(Ordering::SeqCst) {
                        return std::future::pending().await;
                    }
                    let mut server = TcpStream::connect(("127.0.0.1", real)).await?;
                    server.write_all(&startup).await?;
                    copy_bidirectional(&mut client, &mut server).await.map(drop)
                });
            }
        });
        Self { port, left, refused, hangs }
    }

    fn refuse(&self, next: u32) {
        self.left.store(next, Ordering::SeqCst);
        self.refused.store(0, Ordering::SeqCst);
    }

    fn refused(&self) -> u32 {
        self.refused.load(Ordering::SeqCst)
    }
}

/// Reads the startup message, its length included.
async fn startup(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(usize::try_from(length).unwrap(), 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

/// Answers with a FATAL error.
async fn refuse(client: &mut TcpStream, state: &str) -> std::io::Result<()> {
    let fields = format!("SFATAL\0VFATAL\0C{state}\0Mnot now\0\0");
    client.write_u8(b'E').await?;
    client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await?;
    client.write_all(fields.as_bytes()).await?;
    client.shutdown().await
}

/// A pool over the refusing server, and its one connection ended, so that the next operation connects.
async fn pool(db: &TestDatabase, server: &Refusing) -> Db {
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(1);
    config.port = server.port;
    config.acquire_timeout = LONG;
    config.retry.first_delay = Duration::from_millis(1);
    config.retry.reserve = 100;
    Db::connect(config).await.unwrap()
}

async fn without_connections(ours: &Db) {
    drop(ours.raw().await.unwrap());
}

#[pgrepo::test]
async fn fault_20_a_server_that_starts_or_stops_was_sent_nothing_and_is_asked_again(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8 NOT NULL)").await;
    for state in ["57P03", "57P01"] {
        let server = Refusing::start(&db, state).await;
        let ours = pool(&db, &server).await;
        // A write too: there was no connection yet that it could have been sent on.
        without_connections(&ours).await;
        server.refuse(3);
        ours.query("INSERT INTO t VALUES (1)").execute().await.unwrap();
        assert_eq!(server.refused(), 3);
        without_connections(&ours).await;
        server.refuse(3);
        ours.begin().await.unwrap().rollback().await.unwrap();
        assert_eq!(server.refused(), 3);
        without_connections(&ours).await;
        server.refuse(u32::MAX);
        let error = ours.query("INSERT INTO t VALUES (1)").execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Connection, FaultClass::NotSent));
        assert_eq!((error.attempts(), server.refused()), (5, 5));
        assert_eq!(error.sqlstate().unwrap().as_str(), state);
        server.refuse(0);
        serves(&ours, 1).await;
    }
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM t").await, 2);
}

#[pgrepo::test]
async fn fault_20_a_server_without_a_connection_left_is_named(db: TestDatabase) {
    let server = Refusing::start(&db, "53300").await;
    let ours = pool(&db, &server).await;
    without_connections(&ours).await;
    server.refuse(u32::MAX);
    let error = ours.query("SELECT 1").idempotent().fetch_val::<i32>().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts()), (FaultClass::Overload, 5));
    assert!(error.is_too_many_connections() && format!("{error:?}").contains("53300"), "{error:?}");
    // Where the time for it is over at a later attempt, which nobody answers, the refusal before is the cause.
    server.refuse(0);
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(1);
    config.port = server.port;
    config.acquire_timeout = Duration::from_millis(500);
    config.retry.first_delay = Duration::from_millis(1);
    let slow = Db::connect(config).await.unwrap();
    without_connections(&slow).await;
    server.refuse(1);
    server.hangs.store(true, Ordering::SeqCst);
    let error = slow.query("SELECT 1").execute().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Timeout, FaultClass::Overload));
    assert!(error.is_too_many_connections() && error.is_timeout() && error.attempts() == 2, "{error:?}");
    // A role that may not connect is told at once.
    let server = Refusing::start(&db, "28P01").await;
    let ours = pool(&db, &server).await;
    without_connections(&ours).await;
    server.refuse(u32::MAX);
    let error = ours.query("SELECT 1").idempotent().fetch_val::<i32>().await.unwrap_err();
    assert_eq!((error.fault_class(), error.attempts(), server.refused()), (FaultClass::Fatal, 1, 1));
}

/// The real server's own refusal.
#[pgrepo::test]
async fn fault_20_max_connections_of_a_role(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    let role = format!("limited_{}", db.name());
    direct.run(&format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'limited' CONNECTION LIMIT 1")).await;
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(2);
    role.clone_into(&mut config.user);
    config.password = Some(Password::new("limited"));
    config.retry.first_delay = Duration::from_millis(1);
    let ours = Db::connect(config).await.unwrap();
    let tx = ours.begin().await.unwrap();
    let error = ours.query("SELECT 1").execute().await.unwrap_err();
    assert!(error.is_too_many_connections() && error.fault_class() == FaultClass::Overload, "{error:?}");
    tx.rollback().await.unwrap();
    ours.query("SELECT 1").execute().await.unwrap();
    drop(ours);
    let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '{role}')");
    direct.within(LONG, "its sessions are gone", &gone).await;
    direct.run(&format!("DROP ROLE \"{role}\"")).await;
}
