//! A process of its own for the test kit's tests: `testkit-child installed|npm|named|skip [cache folder]`.
//!
//! It brings up a server and a test database, says on one line where they are, and ends when its standard input does.

use std::io::Read;
use std::process::ExitCode;

use pgrepo::testkit::{
    Rung, Server, ServerOptions, TEST_URL_VARIABLE, Template, TestDatabase, TestkitError, need,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rung = match arguments.first().map(String::as_str) {
        Some("installed") => Rung::Installed,
        Some("npm") => Rung::Npm,
        Some("named") => Rung::Named(TEST_URL_VARIABLE.into()),
        _ => {
            let found = need("child", "no-such-program", "`wishing for it`");
            return ExitCode::from(u8::from(found.is_some()));
        }
    };
    let options = ServerOptions {
        rungs: vec![rung],
        cache_dir: arguments.get(1).map(Into::into),
        ..ServerOptions::default()
    };
    match bring_up(options).await {
        Ok(database) => {
            let server = database.server();
            let dir = server.socket_dir().map(|dir| dir.display().to_string());
            println!(
                "{}\t{}\t{}",
                server.version(),
                database.url(),
                dir.unwrap_or_default()
            );
            let mut rest = String::new();
            std::io::stdin()
                .read_to_string(&mut rest)
                .expect("standard input");
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
    Template::from_sql(&server, "CREATE TABLE t (id int)")
        .await?
        .database()
        .await
}
