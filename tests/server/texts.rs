//! The texts of failures that the documentation shows are those that the library gives.

use pgrepo::{CopyInOptions, Db, DbConfig, PageToken, PgTable};

const FRONT_PAGE: &str = include_str!("../../pgrepo/src/lib.rs");
const README: &str = include_str!("../../README.md");

#[derive(Debug, Clone, PgTable)]
#[pg(table = "airports")]
struct Airport {
    icao: String,
    iata: Option<String>,
    name: String,
    elevation_ft: f64,
}

fn airport(icao: &str, name: &str) -> Airport {
    Airport { icao: icao.to_owned(), iata: None, name: name.to_owned(), elevation_ft: 0.0 }
}

#[derive(Debug, PgTable)]
#[pg(table = "airports")]
struct Missing {
    elevation: f64,
}

#[derive(Debug, PgTable)]
#[pg(table = "airports")]
struct OtherType {
    elevation_ft: i64,
}

#[derive(Debug, PgTable)]
#[pg(table = "airports")]
struct NotNull {
    #[pg(primary_key)]
    icao: String,
    iata: String,
}

/// What the front page shows, without the marks of a comment.
fn front_page() -> String {
    FRONT_PAGE
        .lines()
        .filter_map(|l| l.strip_prefix("//!"))
        .map(|l| format!("{}\n", l.strip_prefix(' ').unwrap_or(l)))
        .collect()
}

#[pgrepo::test(
    sql = "CREATE TABLE airports (icao text PRIMARY KEY, iata text, name text, elevation_ft float8 NOT NULL)"
)]
async fn the_texts_that_are_shown_are_the_library_s(db: Db) {
    let airports = db.repository::<Airport>();
    let mut texts: Vec<String> = Vec::new();
    let mut shown = |error: pgrepo::Error| texts.push(format!("{error:?}"));

    shown(db.repository::<OtherType>().copy_in([OtherType { elevation_ft: 1 }]).await.unwrap_err());
    shown(airports.copy_in(["A", "B", "A"].map(|icao| airport(icao, ""))).await.unwrap_err());
    shown(db.repository::<Missing>().copy_in([Missing { elevation: 1.0 }]).await.unwrap_err());
    shown(airports.copy_in([airport("A", "a"), airport("B", "b\0c")]).await.unwrap_err());
    let announced = CopyInOptions::default().expected_rows(2);
    shown(airports.copy_in_with([airport("A", "a")], announced).await.unwrap_err());
    shown(airports.find(Airport::ICAO.eq("A")).fetch_one().await.unwrap_err());
    airports.copy_in([airport("A", "a"), airport("B", "b")]).await.unwrap();
    shown(airports.all().fetch_one().await.unwrap_err());
    shown(db.repository::<NotNull>().all().fetch_all().await.unwrap_err());
    shown("MTIz".parse::<PageToken<NotNull>>().unwrap_err());
    shown(db.query("SELECT $1::text").bind(5).fetch_one::<String>().await.unwrap_err());
    shown(db.query("SELECT nme FROM airports").fetch_one::<String>().await.unwrap_err());
    shown(db.query("SET search_path = x").execute().await.unwrap_err());
    let mut nowhere = DbConfig::default();
    (nowhere.host, nowhere.port) = ("127.0.0.1".to_owned(), 1);
    shown(Db::connect(nowhere).await.unwrap_err());
    shown(DbConfig::from_url("postgres://h/d?ssl=1").unwrap_err());

    let page = front_page();
    for text in &texts {
        assert!(page.contains(&format!("{text}\n")), "the front page does not show\n{text}");
    }
    for text in texts.iter().take(2) {
        assert!(README.contains(&format!("{text}\n")), "the README does not show\n{text}");
    }
}
