CREATE SCHEMA geo;
CREATE TABLE geo.towns (id int8 PRIMARY KEY, name text NOT NULL UNIQUE, people int4 NOT NULL DEFAULT 0);
INSERT INTO geo.towns SELECT n, 'town ' || n, n FROM generate_series(1, 10) AS n;

-- Two calls of three fail, by what another attempt may help against.
CREATE SEQUENCE tries;
CREATE FUNCTION third() RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    n int8 := nextval('tries');
BEGIN
    IF n % 3 <> 0 THEN
        RAISE EXCEPTION 'again' USING ERRCODE = '40001';
    END IF;
    RETURN n;
END $$;
