//! A process of its own for the test kit's tests: `testkit-child installed|npm[:major]|named [cache folder]`.
//!
//! It brings up a server and a test database, says on one line where they are, and ends when its standard input does. With `dropped` it drops the
//! future of a server that is on its way up, and with `skip` it looks for a program in vain.

use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pgrepo::testkit::{
    Rung, Server, ServerOptions, TEST_URL_VARIABLE, Template, TestDatabase, TestkitError, need, skipped,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rung, major) = match arguments.first().and_then(|word| word.split_once(':')) {
        Some(("npm", major)) => (Rung::Npm, major.parse().ok()),
        _ => match arguments.first().map(String::as_str) {
            Some("installed") => (Rung::Installed, None),
            Some("npm") => (Rung::Npm, None),
            Some("named") => (Rung::Named(TEST_URL_VARIABLE.into()), None),
            Some("dropped") => return dropped().await,
            _ => {
                let found = need("child", "no-such-program", "`wishing for it`");
                println!("{}", skipped());
                return ExitCode::from(u8::from(found.is_some()));
            }
        },
    };
    let options = ServerOptions {
        rungs: vec![rung],
        major,
        cache_dir: arguments.get(1).map(Into::into),
        ..ServerOptions::default()
    };
    match bring_up(options).await {
        Ok(database) => {
            let server = database.server();
            let dir = server.socket_dir().map(|dir| dir.display().to_string());
            println!("{}\t{}\t{}", server.version(), database.url(), dir.unwrap_or_default());
            let mut rest = String::new();
            std::io::stdin().read_to_string(&mut rest).expect("standard input");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn bring_up(options: ServerOptions) -> Result<TestDatabase, TestkitError> {
    let server = Server::start(options).await?;
    Template::from_sql(&server, "CREATE TABLE t (id int)").await?.database().await
}

/// Drops the start of a server as soon as it has a folder, and waits until that is gone.
async fn dropped() -> ExitCode {
    let folders = || {
        let entries = std::fs::read_dir(std::env::temp_dir()).expect("the temporary folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
        names.filter(|name| name.starts_with("pgrepo-") && !name.contains("cache")).count()
    };
    let seen = async {
        while folders() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        server = Server::start(ServerOptions::private()) => panic!("it came to its end: {server:?}"),
        () = seen => {}
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while folders() > 0 {
        assert!(Instant::now() < deadline, "its folder stays");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ExitCode::SUCCESS
}
