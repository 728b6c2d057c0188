DROP SCHEMA IF EXISTS pgrepo_quickstart CASCADE;
CREATE SCHEMA pgrepo_quickstart;
CREATE TABLE pgrepo_quickstart.airports (
    icao text PRIMARY KEY,
    iata text,
    name text NOT NULL,
    elevation_ft float8 NOT NULL,
    location jsonb NOT NULL
);
