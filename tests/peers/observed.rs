//! What it costs to be observed: how many instructions of the client an operation takes, by what is built in and who listens.
//!
//! The program is built as a user's would be, once for each way, and valgrind counts its instructions. A client that has to
//! wait for its answer is polled once more: so that each operation does, the server sleeps before it answers; and of several
//! runs the least is taken.

use std::path::{Path, PathBuf};

use pgrepo::Db;
use pgrepo::testkit::{Server, ServerOptions};
use tests::counted;
use tests::report::Line;

use crate::meter::line;
use crate::package::{self, cargo, output};
use crate::task::Result;

/// The workload's name.
pub(crate) const NAME: &str = "observed";

const TABLE: &str = "CREATE TABLE all_towns (id int8 PRIMARY KEY, name text NOT NULL, people int4 NOT NULL); \
    INSERT INTO all_towns SELECT n, 'town ' || n, n FROM generate_series(1, 1000) AS n; \
    CREATE VIEW towns AS SELECT t.* FROM all_towns AS t, pg_sleep(0.004)";

/// Operations of the two runs whose difference is counted: it leaves out what goes before the first.
const TURNS: [u32; 2] = [100, 600];
const RUNS: u32 = 3;

/// The features it is built with, and by whom it is listened to: the program's word, and the subject's name.
const BUILDS: [(&str, &[(&str, &str)]); 3] = [
    ("silent", &[("nobody", "pgrepo, spans compiled out")]),
    ("", &[("nobody", "pgrepo, nobody listens"), ("subscriber", "pgrepo, a subscriber")]),
    (
        "metrics",
        &[
            ("nobody", "pgrepo, with metrics, nobody listens"),
            ("recorder", "pgrepo, with metrics, a recorder"),
            ("recorder and subscriber", "pgrepo, with metrics, a recorder and a subscriber"),
        ],
    ),
];

/// Builds it in each way, and counts.
pub(crate) async fn run() -> Result<Vec<Line>> {
    let folder = package::folder(NAME)?;
    package::make(&folder, include_str!("observed/Cargo.toml.txt"))?;
    let server = Server::start(ServerOptions::private()).await?;
    let url = server.url("postgres");
    let db = Db::from_url(&url).await?;
    db.execute_script(TABLE).await?;
    let mut lines = Vec::new();
    for (features, listeners) in BUILDS {
        let program = built(&folder, features)?;
        for (who, subject) in listeners {
            let count = instructions(&program, &url, who)?;
            eprintln!("{NAME} {subject}: {count:.0}");
            lines.push(line(NAME, subject, "free", "instructions".to_owned(), vec![count]));
        }
    }
    db.close().await;
    Ok(lines)
}

fn built(folder: &Path, features: &str) -> Result<PathBuf> {
    output(cargo(folder, "build").args(["--release", "--features", features]))?;
    Ok(folder.join("target/release").join(NAME))
}

/// The client's instructions of an operation: the difference between two runs of the program in callgrind.
fn instructions(program: &Path, url: &str, who: &str) -> Result<f64> {
    let mut counts = [f64::INFINITY; 2];
    for (turns, count) in TURNS.iter().zip(&mut counts) {
        for _ in 0..RUNS {
            let found = counted::instructions(Path::new("valgrind"), program, &[url, who, &turns.to_string()])?;
            *count = count.min(found);
        }
    }
    Ok((counts[1] - counts[0]) / f64::from(TURNS[1] - TURNS[0]))
}
