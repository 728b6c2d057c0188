//! The service as a program: settings from the environment, until a signal.

use tokio::signal::unix::{SignalKind, signal};

use crate::database::Database;
use crate::service::{Ended, Service, StartError};
use crate::settings::Settings;

/// Writes the log to standard error.
pub fn log() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
}

/// Serves until SIGTERM or Ctrl-C, and tells on standard output where it listens and how it ended.
///
/// # Errors
/// It does not start.
pub async fn serve() -> Result<(), StartError> {
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
