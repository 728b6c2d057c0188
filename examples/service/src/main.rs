//! `pgrepo-service` serves until SIGTERM or Ctrl-C; `pgrepo-service migrate` brings the schema up to date and ends.

use std::process::ExitCode;

use pgrepo::Db;
use pgrepo_service::{Database, StartError, chain, log, run_migrations, serve};

#[tokio::main]
async fn main() -> ExitCode {
    log();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve().await,
        ["migrate"] => migrate().await,
        _ => {
            eprintln!("usage: pgrepo-service [migrate]; settings are read from the environment, see README.md");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn migrate() -> Result<(), StartError> {
    let database = Database::find().await?;
    println!("database: {}", database.describe());
    let db = Db::connect(database.config.clone()).await?;
    run_migrations(&db).await?;
    db.close().await;
    database.end().await;
    println!("migrated");
    Ok(())
}
