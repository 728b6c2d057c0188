//! Numbers of the whole table.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pgrepo::{Db, PgRecord, WithDeadline};
use serde::Serialize;

use crate::airport::{Airport, Upload};
use crate::app::App;
use crate::problem::Problem;

#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    airports: u64,
    uploads: u64,
    rejected_lines: Option<i64>,
    highest_ft: Option<f64>,
    mean_elevation_ft: Option<f64>,
    countries: Vec<Country>,
}

#[derive(Debug, PgRecord, Serialize)]
struct Country {
    country: String,
    airports: i64,
}

/// `GET /stats`
pub(crate) async fn stats(State(app): State<Arc<App>>) -> Result<Json<Stats>, Problem> {
    Ok(Json(count(&app.db).with_deadline(app.settings.request_limit).await?))
}

async fn count(db: &Db) -> pgrepo::Result<Stats> {
    const COUNTRIES: &str =
        "SELECT country, count(*) AS airports FROM airports GROUP BY country ORDER BY airports DESC, country LIMIT 10";
    let airports = || db.repository::<Airport>().all();
    let uploads = || db.repository::<Upload>().all();
    Ok(Stats {
        airports: airports().count().await?,
        uploads: uploads().count().await?,
        rejected_lines: db.query("SELECT sum(rejected)::int8 FROM uploads").fetch_val().await?,
        highest_ft: airports().max(Airport::ELEVATION_FT).await?,
        mean_elevation_ft: airports().avg(Airport::ELEVATION_FT).await?,
        countries: db.query(COUNTRIES).fetch_all().await?,
    })
}
