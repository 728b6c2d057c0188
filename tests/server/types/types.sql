CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('very_happy', 'sad');
CREATE DOMAIN email AS text CHECK (value LIKE '%@%');
