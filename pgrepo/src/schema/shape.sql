, used (oid) AS (
    SELECT atttypid FROM attribute
    UNION
    SELECT i.inner_type
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
        CROSS JOIN LATERAL (VALUES (t.typbasetype), (CASE WHEN t.typlen = -1 THEN t.typelem ELSE 0 END)) i (inner_type)
    WHERE i.inner_type <> 0
), named AS (
    SELECT t.oid, t.typname, t.typtype, n.nspname,
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) AS key, t.typbasetype,
        CASE WHEN t.typlen = -1 AND t.typtype <> 'd' THEN t.typelem ELSE 0 END AS element, t.typdefault
    FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
)
SELECT pg_catalog.json_build_object(
    'schema', r.nspname,
    'name', r.relname,
    'kind', r.relkind,
    'takes_rows', CASE r.relkind
        WHEN 'm' THEN false
        -- By itself or by a trigger; 8 stands for INSERT.
        WHEN 'v' THEN pg_catalog.pg_relation_is_updatable(r.oid, true) & 8 = 8
        ELSE true
    END,
    'columns', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', a.attname,
            'type', t.key,
            'modifier', CASE WHEN a.atttypmod >= 0 THEN
                pg_catalog.substring(pg_catalog.format_type(a.atttypid, a.atttypmod), '[(].*[)]')
            END,
            'nullable', NOT a.never_null,
            'default', CASE WHEN a.attgenerated = '' THEN COALESCE(a.expression, t.typdefault) END,
            'generated', CASE WHEN a.attgenerated <> '' THEN a.expression END,
            'virtual', a.attgenerated = 'v',
            'identity', NULLIF(a.attidentity, '')
        ) ORDER BY a.attnum)
        FROM attribute a JOIN named t ON t.oid = a.atttypid
    ), '[]'),
    'constraints', (SELECT found FROM constraints),
    'indexes', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', c.relname,
            'unique', i.indisunique AND i.indpred IS NULL,
            'valid', i.indisvalid,
            'columns', CASE WHEN i.indexprs IS NOT NULL THEN '[]' ELSE COALESCE((
                SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
                FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
                    JOIN attribute a ON a.attnum = k.number
                WHERE k.place <= i.indnkeyatts
            ), '[]') END,
            'definition', pg_catalog.pg_get_indexdef(i.indexrelid)
        ) ORDER BY c.relname)
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = r.oid
    ), '[]'),
    'types', COALESCE((
        SELECT pg_catalog.json_object_agg(t.key, pg_catalog.json_build_object(
            'schema', t.nspname,
            'name', t.typname,
            'oid', CASE WHEN t.oid::int8 < $3 THEN t.oid::int8 END,
            'labels', CASE WHEN t.typtype = 'e' THEN (
                SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid
            ) END,
            'element', (SELECT o.key FROM named o WHERE o.oid = t.element),
            'base', (SELECT o.key FROM named o WHERE o.oid = t.typbasetype)
        ) ORDER BY t.key)
        FROM named t
    ), '{}')
)::text
FROM relation r
