//! The texts of failures that the documentation shows are those that the library gives.

use pgrepo::testkit::TestDatabase;
use pgrepo::{CopyInOptions, Db, DbConfig, PageToken, PgTable};
use tests::guide::pages;

use crate::support::Direct;

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

/// What begins so is the text of an error, wherever it is shown.
const KINDS: &[&str] = &[
    "Config",
    "Connection",
    "Timeout",
    "Overload",
    "Query",
    "Transaction",
    "Copy",
    "Encode",
    "Decode",
    "Mismatch",
    "NoRow",
    "ManyRows",
    "Token",
    "Conflict",
    "CircuitOpen",
    "Io",
];

/// A load by a role that row-level security applies to.
async fn secured(db: &TestDatabase) -> pgrepo::Error {
    let mut direct = Direct::to(db).await;
    let role = format!("{}_secured", db.name());
    direct.run(&format!("CREATE ROLE {role}; GRANT SELECT, INSERT ON airports TO {role}")).await;
    direct
        .run("ALTER TABLE airports ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of_them ON airports USING (true)")
        .await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    let scope = pgrepo::Scope::role(role.clone());
    let load = ours.scope(scope).transaction(async |tx| tx.repository::<Airport>().copy_in([airport("S", "s")]).await);
    let error = load.await.unwrap_err();
    direct.run("ALTER TABLE airports DISABLE ROW LEVEL SECURITY").await;
    direct.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    error
}

#[pgrepo::test(
    sql = "CREATE TABLE airports (icao text PRIMARY KEY, iata text, name text, elevation_ft float8 NOT NULL)"
)]
async fn the_texts_that_are_shown_are_the_library_s(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
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

    let pages = pages().unwrap();
    let failure = pages.iter().find(|page| page.name == "failure").unwrap();
    for text in &texts {
        assert!(failure.text.contains(&format!("{text}\n")), "the page of failures does not show\n{text}");
    }
    for text in texts.iter().take(2) {
        assert!(README.contains(&format!("{text}\n")), "the README does not show\n{text}");
    }
    assert!(front_page().contains(&format!("{}\n", texts[1])), "the front page does not show\n{}", texts[1]);
    // And none is shown that is not the library's.
    texts.push(format!("{:?}", secured(&database).await));
    let known: String = texts.iter().map(|text| format!("{text}\n")).collect();
    for page in &pages {
        let is_error = |text: &&str| KINDS.iter().any(|kind| text.starts_with(&format!("{kind}: ")));
        for text in page.texts().into_iter().filter(is_error) {
            assert!(known.contains(text), "{} shows, and the library does not say\n{text}", page.name);
        }
    }
}
