CREATE TABLE airports (
    icao text PRIMARY KEY CHECK (octet_length(icao) BETWEEN 2 AND 16),
    iata text CHECK (octet_length(iata) <= 12),
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    elevation_ft float8 NOT NULL CHECK (elevation_ft BETWEEN -2000 AND 30000),
    details jsonb NOT NULL
        CONSTRAINT airports_lat_check CHECK ((details #>> '{position,lat}')::float8 BETWEEN -90 AND 90)
        CONSTRAINT airports_lon_check CHECK ((details #>> '{position,lon}')::float8 BETWEEN -180 AND 180)
        -- So a page of the list has a bound as well.
        CONSTRAINT airports_details_size_check CHECK (pg_column_size(details) <= 2000),
    upload_id uuid NOT NULL
);

CREATE INDEX airports_country_idx ON airports (country);
CREATE INDEX airports_upload_idx ON airports (upload_id);
CREATE INDEX airports_details_gin ON airports USING gin (details jsonb_path_ops);
