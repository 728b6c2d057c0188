//! How settings reach a connection, and what a pool says that waits in vain: against servers that are played here.

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use pgrepo::testkit::{Ending, TestDatabase};
use pgrepo::{Db, DbConfig, ErrorKind, FaultClass};

use crate::slow::Log;
use crate::support::{Direct, LONG, process_gone, proxy};
use crate::tls::authority::Folder;

const URL: &str = "PGREPO_CHILD_URL";
/// AuthenticationCleartextPassword.
const ASK: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
/// AuthenticationOk and ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// A server that gives one answer to the startup message and keeps silent afterwards: its port, and what each client
/// sent until it went away.
fn played(answer: &'static [u8]) -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sent, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let sent = sent.clone();
            std::thread::spawn(move || sent.send(serve(client.unwrap(), answer)));
        }
    });
    (port, received)
}

fn serve(mut client: TcpStream, answer: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut some = [0; 4096];
    // As long as a client does not send anything for a second and more, it waits for an answer that does not come.
    client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    loop {
        match client.read(&mut some) {
            Ok(0) => return all,
            Ok(length) => {
                if all.is_empty() {
                    client.write_all(answer).unwrap();
                }
                all.extend_from_slice(&some[..length]);
            }
            Err(e) if answer == ASK && matches!(e.kind(), IoErrorKind::WouldBlock | IoErrorKind::TimedOut) => {
                return all;
            }
            Err(e) if matches!(e.kind(), IoErrorKind::WouldBlock | IoErrorKind::TimedOut) => {}
            Err(_) => return all,
        }
    }
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Connects in a process whose environment has these variables: what came of it.
pub(crate) fn child(url: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "config::connects_to_what_its_parent_names", "--nocapture"]);
    for name in ["PGOPTIONS", "PGPASSWORD", "PGSSLMODE"] {
        command.env_remove(name);
    }
    let output = command.env(URL, url).envs(variables.iter().copied()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The process that `child` starts; without a parent there is nothing to do.
#[test]
fn connects_to_what_its_parent_names() {
    let Ok(url) = std::env::var(URL) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match Db::from_url(&url).await {
            Ok(db) => {
                let settings = "SELECT current_setting('search_path') || ' ' || current_setting('application_name')";
                println!("connected: {}", db.query(settings).fetch_one::<String>().await.unwrap());
            }
            Err(error) => println!("{error:?}"),
        }
    });
}

/// Where it is there, the process reads its environment as it is.
const READS: &str = "PGREPO_CHILD_READS";

/// The process of the next test; without a parent there is nothing to do.
#[test]
fn reads_the_environment_that_its_parent_made() {
    if std::env::var_os(READS).is_none() {
        return;
    }
    let log = Log::default();
    let read = tracing::subscriber::with_default(log.clone(), DbConfig::from_env);
    println!("{read:?}\n{:#?}", log.lines());
}

#[test]
fn a_process_reads_its_environment_and_warns_of_what_was_misspelt() {
    let folder = Folder::new("environment");
    let port = 5433;
    let pgpass = folder.file(".pgpass", &format!("db:{port}:*:me:canary\n"));
    let read = |variables: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "config::reads_the_environment_that_its_parent_made", "--nocapture"]).env_clear();
        let home = pgpass.parent().unwrap();
        let output = command.env(READS, "1").env("HOME", home).envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let good = [
        ("POSTGRES_HOST", "db"),
        ("POSTGRES_PORT", "5433"),
        ("PGUSER", "me"),
        ("POSTGRES_COMMAND_TIMEOUT", "60"),
        ("POSTGRES_INITDB_ARGS", "--locale=C"),
    ];
    let said = read(&good);
    for part in ["host: \"db\"", "port: 5433", "user: \"me\"", "statement_timeout: Some(60s)", "password: Some(", "[]"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("canary"), "{said}");
    let said = read(&[("POSTGRES_PASWORD", "canary"), ("POSTGRES_HOST", "localhost")]);
    assert!(said.contains("POSTGRES_PASWORD is not read: did you mean POSTGRES_PASSWORD?"), "{said}");
    assert!(said.contains("Ok(") && said.contains("password: None") && !said.contains("canary"), "{said}");
}

#[test]
fn no_password_of_the_environment_is_sent_to_a_server_that_a_url_names() {
    const OTHERS: [(&str, &str); 6] = [
        ("PGPASSWORD", "canary"),
        ("PGSSLMODE", "require"),
        ("PGSSLROOTCERT", "/canary"),
        ("PGSSLCERT", "/canary"),
        ("PGSSLKEY", "/canary"),
        ("PGAPPNAME", "canary"),
    ];
    let (port, received) = played(ASK);
    child(&format!("postgres://me:known@127.0.0.1:{port}/d"), &OTHERS);
    let sent = received.recv_timeout(LONG).unwrap();
    assert!(holds(&sent, "known"), "the URL's password is sent: {sent:?}");
    assert!(!holds(&sent, "canary"), "{sent:?}");

    child(&format!("postgres://me@127.0.0.1:{port}/d"), &OTHERS);
    let sent = received.recv_timeout(LONG).unwrap();
    assert!(sent.ends_with(b"p\0\0\0\x05\0"), "an empty password is sent: {sent:?}");
    assert!(!holds(&sent, "canary"), "{sent:?}");
}

/// Every address of this machine is reached by 0.0.0.0, which does not say that it is this machine.
#[test]
fn fault_42_a_password_goes_to_another_host_in_plain_text_only_where_that_is_asked_for() {
    let (port, received) = played(ASK);
    let url = |more: &str| format!("postgres://me:known@0.0.0.0:{port}/d?{more}");
    for mode in ["disable", "prefer"] {
        let said = child(&url(&format!("sslmode={mode}")), &[]);
        assert!(said.contains("Config") && said.contains("in plain text") && said.contains(mode), "{said}");
        assert!(said.contains("verify-full") && said.contains("allow_plaintext_password"), "the way out: {said}");
        assert!(!said.contains("known"), "{said}");
    }
    // Of those with TLS the first byte is not the password: the server that is played here speaks none.
    child(&url("sslmode=require"), &[]);
    let sent = received.recv_timeout(LONG).unwrap();
    assert!(!holds(&sent, "known"), "{sent:?}");
    assert!(received.try_recv().is_err(), "nothing else was connected to");
    // Where it is allowed the driver answers whoever asks, in clear text too: there is no hook before it.
    child(&url("sslmode=disable&allow_plaintext_password=true"), &[]);
    let sent = received.recv_timeout(LONG).unwrap();
    assert!(holds(&sent, "known"), "{sent:?}");
    // Within the machine nobody else listens.
    child(&format!("postgres://me:known@127.0.0.1:{port}/d?sslmode=disable"), &[]);
    assert!(holds(&received.recv_timeout(LONG).unwrap(), "known"));
}

#[pgrepo::test]
async fn options_of_the_environment_do_not_take_effect(db: TestDatabase) {
    let said = child(&db.url(), &[("PGAPPNAME", "another"), ("PGPASSWORD", "another")]);
    assert!(said.contains("connected: \"$user\", public pgrepo"), "{said}");
    let said = child(&db.url(), &[("PGOPTIONS", "-c search_path=nowhere")]);
    assert!(said.contains("Config: connect: PGOPTIONS is set") && !said.contains("connected"), "{said}");
}

fn config(port: u16) -> DbConfig {
    let mut config = DbConfig::from_url(&format!("postgres://me@127.0.0.1:{port}/d")).unwrap();
    config.acquire_timeout = LONG;
    config.connect_timeout = LONG;
    config
}

#[tokio::test]
async fn the_limit_of_connecting_holds_until_the_connection_can_be_used() {
    // The session's identity is never told.
    let (port, _received) = played(WELCOME);
    let mut config = config(port);
    config.connect_timeout = Duration::from_millis(300);
    let begun = Instant::now();
    let error = Db::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1, port {port} within 300ms")), "{error}");
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn a_wait_for_connecting_is_not_told_as_one_for_those_in_use() {
    let (port, _received) = played(WELCOME);
    let mut config = config(port);
    config.acquire_timeout = Duration::from_millis(300);
    let error = Db::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(error.to_string().contains("of the pool's 10 connections 0 exist, 0 of them idle"), "{error}");
    assert!(error.to_string().ends_with("other calls that wait: 0"), "{error}");
}

#[pgrepo::test]
async fn a_wait_for_a_connection_in_use_says_how_many_there_are(db: TestDatabase) {
    let mut config = DbConfig::from_url(&db.url()).unwrap().with_max_connections(1);
    config.acquire_timeout = Duration::from_millis(300);
    let ours = Db::connect(config).await.unwrap();
    let held = ours.begin().await.unwrap();
    let error = ours.begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    let said =
        "no connection within 300ms: of the pool's 1 connections 1 exist, 0 of them idle; other calls that wait: 0";
    assert!(error.to_string().ends_with(said), "{error}");
    held.rollback().await.unwrap();
}

#[pgrepo::test]
async fn a_transaction_that_idles_for_too_long_is_ended_by_the_server_and_says_so(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    let mut config = DbConfig::from_url(&db.tcp_url()).unwrap().with_max_connections(1);
    config.idle_in_transaction_timeout = Some(Duration::from_millis(50));
    let ours = Db::connect(config).await.unwrap();
    let mut tx = ours.begin().await.unwrap();
    let pid: i32 = tx.query("SELECT pg_backend_pid()").fetch_one().await.unwrap();
    let gone = format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})");
    direct.within(LONG, "its session is ended", &gone).await;
    let error = tx.query("SELECT 1").execute().await.unwrap_err();
    let told = (error.kind(), error.fault_class(), error.sqlstate().map(|state| state.to_string()));
    assert_eq!(told, (ErrorKind::Timeout, FaultClass::RolledBack, Some("25P03".to_owned())), "{error:?}");
    drop(tx);
    // Over a unix socket the server's word is not read any more: what is to be sent finds it closed.
    let mut config = DbConfig::from_url(&db.url()).unwrap().with_max_connections(1);
    config.idle_in_transaction_timeout = Some(Duration::from_millis(50));
    let ours = Db::connect(config).await.unwrap();
    let mut tx = ours.begin().await.unwrap();
    let pid: i32 = tx.query("SELECT pg_backend_pid()").fetch_one().await.unwrap();
    process_gone(pid).await;
    let error = tx.query("SELECT 1").execute().await.unwrap_err();
    assert_eq!((error.kind(), error.fault_class()), (ErrorKind::Connection, FaultClass::RolledBack), "{error:?}");
    drop(tx);
    assert_eq!(ours.query("SELECT 7").fetch_one::<i32>().await.unwrap(), 7);
}

#[pgrepo::test]
async fn a_connection_that_no_longer_answers_is_soon_given_up(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let mut config = DbConfig::from_url(&proxy.url(db.name())).unwrap();
    config.acquire_timeout = 3 * LONG;
    config.connect_timeout = 2 * LONG;
    config.idle_check = Duration::ZERO;
    let ours = Db::connect(config).await.unwrap();
    assert_eq!(proxy.end_all(Ending::Silence), 1);
    let begun = Instant::now();
    assert_eq!(ours.query("SELECT 1").fetch_one::<i32>().await.unwrap(), 1);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(1), "it was asked");
}
