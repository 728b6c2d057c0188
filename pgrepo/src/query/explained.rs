//! The server's plan for a statement.

use std::pin::pin;

use crate::error::Result;
use crate::pool::{Handle, Values};
use crate::table::{FromRow, Place};

use super::open_again;

/// How a statement is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Explain {
    /// It is not run.
    Plan,
    /// It is run, and what that took is told.
    Analyze,
}

/// What EXPLAIN prints of a statement.
pub(super) async fn explained<H: Handle>(
    on: H,
    how: Explain,
    place: &Place,
    sql: &str,
    params: &dyn Values,
) -> Result<String> {
    let (operation, explain) = match how {
        Explain::Plan => ("explain", "EXPLAIN "),
        Explain::Analyze => ("explain_analyze", "EXPLAIN (ANALYZE) "),
    };
    let told = on.observe(operation, place.subject());
    let ended = pin!(async {
        let sql = format!("{explain}{sql}");
        let run = open_again(on, operation, &sql, params, Some(<String as FromRow>::FIELDS)).await?;
        run.all::<String>().await
    });
    Ok(told.watch(ended).await.map_err(|e| place.blame(e))?.join("\n"))
}
