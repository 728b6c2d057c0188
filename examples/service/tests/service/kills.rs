//! A few of the kills, and a short while of the load, that `storm` does much of.

use std::time::Duration;

use pgrepo_service::storm::{Kills, Load, Program};

fn program() -> Program {
    Program { path: env!("CARGO_BIN_EXE_pgrepo-service").into(), arguments: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_upload_is_whole_whatever_is_killed() {
    let report = Kills { kills: 3, program: program() }.run().await.unwrap();
    println!("{report}");
    assert!(report.is_right(), "{report}");
    assert_eq!((report.of_the_server, report.of_the_service), (3, 3));
    assert!(report.lost > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_full_load_there_is_no_error() {
    let report = Load { time: Duration::from_secs(3), clients: 32, program: program() }.run().await.unwrap();
    println!("{report}");
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.requests() > 100, "{report}");
}
