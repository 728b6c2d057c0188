relation AS (
    SELECT c.*, n.nspname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = $2::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND CASE WHEN $1::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1::text END
), attribute AS (
    SELECT a.*, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression, a.attnotnull AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint c
            WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND a.attnum = ANY (c.conkey) AND NOT c.convalidated
        ) OR t.typtype = 'd' AND EXISTS (
            WITH RECURSIVE domain (base, never_null) AS (
                SELECT t.typbasetype, t.typnotnull
                UNION ALL
                SELECT b.typbasetype, b.typnotnull FROM domain d JOIN pg_catalog.pg_type b ON b.oid = d.base
            )
            SELECT FROM domain d WHERE d.never_null
        ) AS never_null
    FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
), constraints AS (
    SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', c.conname,
        'kind', c.contype,
        'columns', COALESCE((
            SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
            FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k (number, place) JOIN attribute a ON a.attnum = k.number
        ), '[]'),
        'definition', pg_catalog.pg_get_constraintdef(c.oid)
    ) ORDER BY c.conname), '[]') AS found
    FROM relation r JOIN pg_catalog.pg_constraint c ON c.conrelid = r.oid
    WHERE c.contype IN ('p', 'u', 'c', 'f', 'x')
)