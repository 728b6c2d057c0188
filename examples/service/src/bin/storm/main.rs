//! `storm kills [20]` kills the service and its database's server while uploads are open; `storm load [seconds] [clients]`
//! asks as much as it can. Both print a summary, and fail where a promise was broken.

use std::process::ExitCode;
use std::time::Duration;

use pgrepo_service::storm::{Error, Kills, Load, Program};
use pgrepo_service::{chain, log, serve};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["kills"] => kills("20").await,
        ["kills", times] => kills(times).await,
        ["load"] => load("10", "64").await,
        ["load", seconds] => load(seconds, "64").await,
        ["load", seconds, clients] => load(seconds, clients).await,
        // The service itself, for a process that can be killed.
        ["serve"] => {
            log();
            serve().await.map(|()| true).map_err(Error::from)
        }
        _ => {
            eprintln!("usage: storm kills [times] | storm load [seconds [clients]]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn program() -> Result<Program, Error> {
    Ok(Program { path: std::env::current_exe()?, arguments: vec!["serve".to_owned()] })
}

async fn kills(times: &str) -> Result<bool, Error> {
    let report = Kills { kills: times.parse()?, program: program()? }.run().await?;
    println!("{report}");
    Ok(report.is_right())
}

async fn load(seconds: &str, clients: &str) -> Result<bool, Error> {
    let time = Duration::from_secs(seconds.parse()?);
    let report = Load { time, clients: clients.parse()?, program: program()? }.run().await?;
    println!("{report}");
    Ok(report.failed() == 0)
}
