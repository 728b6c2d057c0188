use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use pgrepo::testkit::{Server, ServerOptions, StopMode};
use sqlx::{Connection, PgConnection};

use crate::support::{Folder, Holder, child, connect, eventually, is_alive, one, private_server, run};

fn ends_with_its_owner(signal: &str) {
    let holder = Holder::start(child(&["installed"]));
    let postmaster = holder.postmaster();
    assert!(is_alive(&postmaster));
    let mut owner = holder.child;
    // To the whole group, as the terminal does on Ctrl-C.
    let group = format!("-{}", owner.id());
    let sent = Command::new("kill").args(["-s", signal, "--", &group]).status().expect("kill");
    assert!(sent.success());
    assert!(!owner.wait().expect("its status").success());
    // A server whose data goes from under it dies too, sooner or later; here it has to be stopped first.
    let version = holder.dir.join("data/PG_VERSION");
    eventually("its data is gone", || !version.exists());
    assert!(!is_alive(&postmaster), "its data is gone and it still runs");
    eventually("its folder is gone", || !holder.dir.exists());
}

#[test]
fn nothing_stays_after_a_kill() {
    ends_with_its_owner("KILL");
}

#[test]
fn nothing_stays_after_ctrl_c() {
    ends_with_its_owner("INT");
}

#[tokio::test]
async fn nothing_stays_after_a_shutdown() {
    let server = private_server().await;
    let dir = server.socket_dir().expect("its folder").to_owned();
    let _connected = connect(&server.url("postgres")).await;
    server.shutdown().await.expect("its end");
    assert!(!dir.exists());
}

#[tokio::test]
async fn nothing_stays_after_a_drop() {
    let server = private_server().await;
    let dir = server.socket_dir().expect("its folder").to_owned();
    drop(server);
    eventually("its folder is gone", || !dir.exists());
}

#[test]
fn a_dropped_start_leaves_nothing() {
    let folder = Folder::new("dropped");
    // The server's account removes its folder there.
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).expect("new permissions");
    let status = child(&["dropped"]).env("TMPDIR", &folder.0).status().expect("the child");
    assert!(status.success());
}

#[tokio::test]
async fn what_was_acknowledged_survives() {
    let server = private_server().await;
    let mut connection = connect(&server.url("postgres")).await;
    run(&mut connection, "CREATE TABLE t (id int)").await;
    for (mode, rows) in [(StopMode::Fast, 1), (StopMode::Immediate, 2)] {
        run(&mut connection, "INSERT INTO t VALUES (1)").await;
        let port = server.port();
        server.stop(mode).await.expect("a stop");
        PgConnection::connect(&server.url("postgres")).await.expect_err("it is stopped");
        PgConnection::connect(&server.tcp_url("postgres")).await.expect_err("it is stopped");
        server.start_again().await.expect("a start");
        assert_eq!(server.port(), port);
        connection = connect(&server.tcp_url("postgres")).await;
        assert_eq!(one::<i64>(&mut connection, "SELECT count(*) FROM t").await, rows);
    }
    let log = server.log().await.expect("its log");
    assert!(log.contains("received fast shutdown request"), "{log}");
    assert!(log.contains("received immediate shutdown request"), "{log}");
    server.restart(StopMode::Fast).await.expect("a restart");
    let error = server.start_again().await.expect_err("it runs already");
    assert_eq!(error.to_string(), "the server is not stopped");
    connect(&server.url("postgres")).await;
}

#[tokio::test]
async fn a_server_that_was_killed_starts_again_behind_its_last_session() {
    let server = private_server().await;
    let mut connection = connect(&server.url("postgres")).await;
    run(&mut connection, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    // It waits for nothing for a while, so it does not notice the end of the server.
    let mut busy = connect(&server.url("postgres")).await;
    let work = tokio::spawn(async move {
        sqlx::raw_sql("SELECT count(*) FROM generate_series(1, 3000000) a").execute(&mut busy).await
    });
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()";
    while one::<i64>(&mut connection, active).await == 0 {
        assert!(!work.is_finished(), "it was over too soon");
    }
    server.stop(StopMode::Kill).await.expect("a kill");
    PgConnection::connect(&server.url("postgres")).await.expect_err("it is killed");
    server.start_again().await.expect("a start");
    work.await.expect("no panic").ok();
    let mut connection = connect(&server.url("postgres")).await;
    assert_eq!(one::<i64>(&mut connection, "SELECT count(*) FROM t").await, 1);
    let log = server.log().await.expect("its log");
    assert!(log.contains("was not properly shut down"), "{log}");
    assert!(log.contains("still in use"), "the start had nothing to wait for: {log}");
}

/// The server recovers from a crash on its own.
async fn eventually_connect(server: &Server) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while let Err(error) = PgConnection::connect(&server.url("postgres")).await {
        assert!(tokio::time::Instant::now() < deadline, "{error}");
    }
}

#[tokio::test]
async fn a_backend_is_killed() {
    let server = private_server().await;
    let mut connection = connect(&server.url("postgres")).await;
    let pid: i32 = one(&mut connection, "SELECT pg_backend_pid()").await;
    server.kill_backend(pid).await.expect("a kill");
    sqlx::query("SELECT 1").execute(&mut connection).await.expect_err("its session is gone");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !server.log().await.expect("its log").contains("was terminated by signal 9") {
        assert!(tokio::time::Instant::now() < deadline, "the server did not notice");
    }
    eventually_connect(&server).await;
    let own = i32::try_from(std::process::id()).expect("a pid");
    let error = server.kill_backend(own).await.expect_err("this is not a session");
    assert!(!error.to_string().is_empty());
}

#[tokio::test]
async fn settings_rules_and_files_are_taken() {
    let mut options = ServerOptions::private()
        .with_setting("fsync", "on")
        .with_setting("max_connections", "7")
        .with_setting("search_path", "it's, fine");
    options.hba.push("host all nobody_here 127.0.0.1/32 reject".into());
    options.files.push(("note.txt".into(), "hello".into()));
    let server = Server::start(options).await.expect("a server");
    let mut connection = connect(&server.url("postgres")).await;
    assert_eq!(one::<String>(&mut connection, "SHOW fsync").await, "on");
    assert_eq!(one::<String>(&mut connection, "SHOW max_connections").await, "7");
    assert_eq!(one::<String>(&mut connection, "SHOW search_path").await, "it's, fine");
    assert_eq!(one::<String>(&mut connection, "SELECT pg_read_file('note.txt')").await, "hello");
    let url = server.tcp_url("postgres").replace("//postgres:", "//nobody_here:");
    let error = PgConnection::connect(&url).await.expect_err("a rule rejects it").to_string();
    assert!(error.contains("pg_hba.conf rejects"), "{error}");
}

#[tokio::test]
async fn tcp_asks_for_the_password() {
    let server = private_server().await;
    let url = server.tcp_url("postgres");
    let connection = connect(&url).await;
    connection.close().await.expect("an end");
    let (start, end) = url.split_once('@').expect("a password");
    let wrong = format!("{}x@{end}", start);
    let error = PgConnection::connect(&wrong).await.expect_err("a wrong password");
    let code = error.as_database_error().and_then(|error| error.code()).expect("a code").into_owned();
    assert_eq!(code, "28P01");
    assert!(!format!("{server:?}").contains(start.rsplit(':').next().expect("a password")));
}
