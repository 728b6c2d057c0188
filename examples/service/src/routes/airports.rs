//! The airports page by page, and one by its code.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pgrepo::{Filter, Page, PageToken, WithDeadline};
use serde::{Deserialize, Serialize};

use crate::airport::{Airport, Details};
use crate::app::{App, MAX_PAGE, PAGE};
use crate::problem::Problem;

use super::{Path, Query};

/// Which airports, in which order, from where on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The country, in two letters.
    country: Option<String>,
    /// The airlines' code.
    iata: Option<String>,
    /// What the code begins with.
    prefix: Option<String>,
    /// Words of the name.
    words: Option<String>,
    /// The city, in the document.
    city: Option<String>,
    /// The time zone, in the document.
    tz: Option<String>,
    /// Not lower, in feet.
    min_elevation: Option<f64>,
    /// Not higher, in feet.
    max_elevation: Option<f64>,
    #[serde(default)]
    sort: Order,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Icao,
    Name,
    Highest,
}

/// A page, and the token of the next one.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    airports: Vec<Airport>,
    next: Option<String>,
}

impl From<Page<Airport>> for Found {
    fn from(page: Page<Airport>) -> Self {
        Self { airports: page.rows, next: page.next.map(|token| token.to_string()) }
    }
}

/// The size of a page.
pub(crate) fn size(limit: Option<usize>) -> Result<NonZeroUsize, Problem> {
    let size = limit.map_or(Some(PAGE), NonZeroUsize::new).filter(|size| size.get() <= MAX_PAGE);
    size.ok_or_else(|| Problem::Invalid("invalid-parameter", format!("a limit is from 1 to {MAX_PAGE}")))
}

/// The token of a page.
pub(crate) fn token(after: Option<&str>) -> Result<Option<PageToken<Airport>>, Problem> {
    Ok(after.map(str::parse).transpose()?)
}

/// The most bytes of a text to look for: no name is longer, and the work for words grows with their number.
const MAX_TEXT: usize = 400;

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        let Self { country, iata, prefix, words, city, tz, .. } = self;
        let texts = [country, iata, prefix, words, city, tz];
        if texts.into_iter().flatten().any(|text| text.len() > MAX_TEXT) {
            let detail = format!("a text to look for has at most {MAX_TEXT} bytes");
            return Err(Problem::Invalid("invalid-parameter", detail));
        }
        Ok(())
    }

    fn filter(&self) -> Filter<'_, Airport> {
        let details = Airport::DETAILS;
        let wanted = [
            self.country.as_deref().map(|country| Airport::COUNTRY.eq(country)),
            self.iata.as_deref().map(|iata| Airport::IATA.eq(iata)),
            self.prefix.as_deref().map(|prefix| Airport::ICAO.starts_with(prefix)),
            self.words.as_deref().map(|words| Airport::NAME.text_search("simple", words)),
            self.city.as_deref().map(|city| details.at(Details::CITY).eq(city)),
            self.tz.as_deref().map(|tz| details.at(Details::TZ).eq(tz)),
            self.min_elevation.map(|feet| Airport::ELEVATION_FT.ge(feet)),
            self.max_elevation.map(|feet| Airport::ELEVATION_FT.le(feet)),
        ];
        wanted.into_iter().flatten().fold(Filter::all(), Filter::and)
    }
}

/// `GET /airports`
pub(crate) async fn list(State(app): State<Arc<App>>, Query(wanted): Query<Wanted>) -> Result<Json<Found>, Problem> {
    wanted.check()?;
    let (size, after) = (size(wanted.limit)?, token(wanted.after.as_deref())?);
    let found = app.db.repository::<Airport>().find(wanted.filter());
    let found = match wanted.sort {
        Order::Icao => found,
        Order::Name => found.order_by(Airport::NAME.asc()),
        Order::Highest => found.order_by(Airport::ELEVATION_FT.desc()),
    };
    let page = found.pages(size).after(after).fetch_page().with_deadline(app.settings.request_limit).await?;
    Ok(Json(page.into()))
}

/// `GET /airports/{icao}`
pub(crate) async fn one(State(app): State<Arc<App>>, Path(icao): Path<String>) -> Result<Json<Airport>, Problem> {
    let airport = app.db.repository::<Airport>().get(&*icao).with_deadline(app.settings.request_limit).await?;
    airport.map(Json).ok_or_else(|| Problem::NotFound("no-such-airport", "there is no airport of this code".to_owned()))
}
