//! `pgrepo-service` serves until SIGTERM or Ctrl-C; `pgrepo-service migrate` brings the schema up to date and ends.

use std::process::ExitCode;

use pgrepo::Db;
use pgrepo_service::{Database, Ended, Service, Settings, StartError, chain, run_migrations};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
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

async fn serve() -> Result<(), StartError> {
    // From here on, also while it starts: a signal in between ends it in order.
    let stop = stop();
    let settings = Settings::from_env()?;
    let database = Database::find().await?;
    println!("database: {}", database.describe());
    let service = Service::start(settings, database.config.clone()).await?;
    println!("listening on http://{}", service.address());
    let Ended { cut, left } = service.run(stop).await;
    database.end().await;
    println!("stopped: {cut} clients cut off, {left} connections to the database left");
    Ok(())
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

/// Ends with the first SIGTERM or SIGINT.
fn stop() -> impl Future<Output = ()> {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        let [terminate, interrupt] = signals;
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "signals are not heard: the service ends only when it is killed");
                std::future::pending::<()>().await;
            }
        }
    }
}
