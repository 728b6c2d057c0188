//! The check that the examples rest on finds what it should.

use examples::{AIRPORTS_SQL, airport_differences};
use pgrepo::Db;

const CSV: &str = r#""icao","iata","name","city","subd","country","elevation","lat","lon","tz","lid"
"AAAA","","Außen ""Nord"", Feld","Leoti","","US",3435,38.704022,-101.473911,"America/Chicago","00AA"
"BBBB","BBB","Second","","Alaska","US",-252.5,59.948889,-151.692222,"America/Anchorage",""
"#;

const ROWS: &str = r#"INSERT INTO pgrepo_quickstart.airports VALUES
    ('AAAA', NULL, 'Außen "Nord", Feld', 3435,
     '{"city": "Leoti", "country": "US", "tz": "America/Chicago", "lat": 38.704022, "lon": -101.473911}'),
    ('BBBB', 'BBB', 'Second', -252.5,
     '{"city": null, "subd": "Alaska", "country": "US", "tz": "America/Anchorage", "lat": 59.948889, "lon": -151.692222}')"#;

async fn differences(db: &Db, spoil: &str) -> usize {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    db.execute_script(ROWS).await.unwrap();
    db.execute_script(spoil).await.unwrap();
    airport_differences(db, CSV.as_bytes()).await.unwrap()
}

#[pgrepo::test]
async fn one_spoilt_row_is_found(db: Db) {
    assert_eq!(differences(&db, "").await, 0);
    let changes = [
        "name = 'second' WHERE icao = 'BBBB'",
        "iata = '' WHERE icao = 'AAAA'",
        "iata = NULL WHERE icao = 'BBBB'",
        "elevation_ft = 3435.0000001 WHERE icao = 'AAAA'",
        "location = jsonb_set(location, '{lat}', '59.94889') WHERE icao = 'BBBB'",
        "location = jsonb_set(location, '{subd}', 'null') WHERE icao = 'AAAA'",
        "location = location - 'city' WHERE icao = 'BBBB'",
    ];
    for change in changes {
        // The row that should be there is missing, and one that should not is there.
        assert_eq!(differences(&db, &format!("UPDATE pgrepo_quickstart.airports SET {change}")).await, 2, "{change}");
    }
    assert_eq!(differences(&db, "DELETE FROM pgrepo_quickstart.airports WHERE icao = 'AAAA'").await, 1);
    let doubled = "ALTER TABLE pgrepo_quickstart.airports DROP CONSTRAINT airports_pkey; \
        INSERT INTO pgrepo_quickstart.airports SELECT * FROM pgrepo_quickstart.airports WHERE icao = 'AAAA'";
    assert_eq!(differences(&db, doubled).await, 1);
}

#[pgrepo::test]
async fn a_csv_that_the_server_cannot_read_is_an_error(db: Db) {
    db.execute_script(AIRPORTS_SQL).await.unwrap();
    assert!(airport_differences(&db, b"icao\nAAAA\n").await.is_err());
}
