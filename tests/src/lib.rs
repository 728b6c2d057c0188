//! What the tests share.

pub mod by_hand;
pub mod counted;
pub mod examples;
pub mod guide;
pub mod hostile;
pub mod hygiene;
pub mod memory;
pub mod report;
pub mod rows;

/// How a program ends that has come so far: its error in one line.
pub fn ended<E: std::fmt::Display>(result: Result<(), E>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
