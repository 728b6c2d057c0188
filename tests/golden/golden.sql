-- Made once with PostgreSQL 15, in a database whose encoding is UTF-8 and whose time zone is UTC:
--   psql -X -q -v ON_ERROR_STOP=1 -f golden.sql > golden.copy
-- One row of each type's edge values a column; the test knows the same values in Rust.
CREATE EXTENSION IF NOT EXISTS hstore;
COPY (
SELECT
    true AS bool_t, false AS bool_f,
    '-32768'::int2 AS int2_min, 32767::int2 AS int2_max,
    '-2147483648'::int4 AS int4_min, 2147483647 AS int4_max,
    '-9223372036854775808'::int8 AS int8_min, 9223372036854775807 AS int8_max,
    4294967295::oid AS oid_max,
    '-1.5'::float4 AS float4_a, 'infinity'::float4 AS float4_inf,
    '-0'::float8 AS float8_zero, 1.7976931348623157e308::float8 AS float8_max, '-infinity'::float8 AS float8_inf,
    'NaN'::float8 AS float8_nan,
    ''::text AS text_empty, 'naïve ☃ 𝄞'::varchar AS text_wide, 'ab  '::char(4) AS text_padded, 'pg_class'::name AS text_name,
    ''::bytea AS bytea_empty, '\x00ff10'::bytea AS bytea_a,
    '01234567-89ab-cdef-0011-223344556677'::uuid AS uuid_a,
    '2000-01-01'::date AS date_epoch, '4714-11-24 BC'::date AS date_first, '262142-12-31'::date AS date_far,
    '0001-12-31 BC'::date AS date_bc, 'infinity'::date AS date_inf, '-infinity'::date AS date_neginf,
    '00:00'::time AS time_min, '23:59:59.999999'::time AS time_max,
    '4714-11-24 00:00 BC'::timestamp AS ts_first, '1999-12-31 23:59:59.999999'::timestamp AS ts_before,
    'infinity'::timestamp AS ts_inf,
    '2024-02-29 12:00:00.000001+02'::timestamptz AS tstz_a, '262142-12-31 23:59:59.999999Z'::timestamptz AS tstz_far,
    '-infinity'::timestamptz AS tstz_neginf,
    '0'::numeric AS num_0, '0.00'::numeric AS num_000, '-12345.678'::numeric AS num_a, '10000'::numeric AS num_b,
    '79228162514264337593543950335'::numeric AS num_max, '0.0000000000000000000000000001'::numeric AS num_small,
    '-99999999.99999999'::numeric AS num_c, '100000000.5'::numeric AS num_d,
    'NaN'::numeric AS num_nan, '-infinity'::numeric AS num_neginf, '1e100'::numeric AS num_e100,
    '1234567890123456789012345678901234567890.5'::numeric AS num_long,
    '{"a":[1,null,"x"]}'::json AS json_a, '{"a":[1,null,"x"]}'::jsonb AS jsonb_a, '"☃"'::jsonb AS jsonb_text,
    'a=>1, b=>NULL, c=>""'::hstore AS hstore_a, ''::hstore AS hstore_empty,
    '{}'::int4[] AS array_empty, '{1,NULL,-3}'::int4[] AS array_nulls, '{a,"",NULL,ü}'::text[] AS array_text,
    '{"\\x00","\\x"}'::bytea[] AS array_bytea, '{t,f}'::bool[] AS array_bool,
    '{2024-02-29,infinity}'::date[] AS array_date, '{1.50,-0.001}'::numeric[] AS array_numeric,
    ARRAY['{"a":1}', '[]']::jsonb[] AS array_jsonb, ARRAY['{"a":1}', '[]']::json[] AS array_json,
    '{01234567-89ab-cdef-0011-223344556677}'::uuid[] AS array_uuid,
    NULL::int4 AS null_int4, NULL::text[] AS null_array
) TO STDOUT (FORMAT binary);
