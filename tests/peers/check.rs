//! The rows that Python's subjects make for themselves have to be those of the others.

use pgrepo::{Db, PgRecord};
use tests::rows::Wide;

use crate::place::Placement;
use crate::plan::CHECKED;
use crate::run::Bench;
use crate::tables::UNLOGGED;
use crate::task::Result;

/// A row, as the server writes it.
#[derive(Debug, PartialEq, PgRecord)]
struct Text {
    text: String,
}

/// Fails if a row that one of them has loaded is not what pgrepo has loaded.
pub(crate) async fn rows(bench: &Bench) -> Result<()> {
    let db = Db::from_url(&bench.server.url(UNLOGGED)).await?;
    let loaded =
        async || pgrepo::query(&db, "SELECT wide::text AS text FROM wide ORDER BY id").fetch_all::<Text>().await;
    bench.reset(&CHECKED).await?;
    let count = CHECKED.rows.full;
    db.repository::<Wide>().copy_in((0..count).map(tests::rows::wide)).await?;
    let expected = loaded().await?;
    for subject in CHECKED.subjects {
        bench.reset(&CHECKED).await?;
        bench.once(&CHECKED, Placement::Free, subject)?;
        let found = loaded().await?;
        if found.len() != expected.len() {
            return Err(
                format!("{} has loaded {} rows, and pgrepo {}", subject.name, found.len(), expected.len()).into()
            );
        }
        if let Some((theirs, ours)) = found.iter().zip(&expected).find(|(theirs, ours)| theirs != ours) {
            let (name, theirs, ours) = (subject.name, &theirs.text, &ours.text);
            return Err(format!("{name} has loaded {theirs} where pgrepo has loaded {ours}").into());
        }
    }
    eprintln!("{count} rows of Python's are those of tests/src/rows.rs");
    Ok(())
}
