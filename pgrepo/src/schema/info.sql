, leaf AS (
    SELECT t.relid FROM relation r CROSS JOIN LATERAL pg_catalog.pg_partition_tree(r.oid) t WHERE r.relkind = 'p' AND t.isleaf
    UNION ALL SELECT r.oid FROM relation r WHERE r.relkind <> 'p'
)
SELECT pg_catalog.json_build_object(
    'schema', r.nspname,
    'name', r.relname,
    'kind', r.relkind,
    'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
    'row_security', r.relrowsecurity,
    'columns', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', a.attname,
            'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
            'nullable', NOT a.never_null,
            'default', CASE WHEN a.attgenerated = '' THEN a.expression END,
            'generated', CASE WHEN a.attgenerated <> '' THEN a.expression END,
            'virtual', a.attgenerated = 'v',
            'identity', NULLIF(a.attidentity, ''),
            'comment', pg_catalog.col_description(a.attrelid, a.attnum)
        ) ORDER BY a.attnum)
        FROM attribute a
    ), '[]'),
    'constraints', (SELECT found FROM constraints),
    'indexes', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', c.relname,
            'method', m.amname,
            'definition', pg_catalog.pg_get_indexdef(i.indexrelid),
            'unique', i.indisunique,
            'valid', i.indisvalid,
            'size_bytes', COALESCE((
                SELECT pg_catalog.sum(pg_catalog.pg_relation_size(t.relid))
                FROM pg_catalog.pg_partition_tree(i.indexrelid) t WHERE t.isleaf
            ), pg_catalog.pg_relation_size(i.indexrelid)),
            'scans', COALESCE((
                SELECT pg_catalog.sum(pg_catalog.pg_stat_get_numscans(t.relid))
                FROM pg_catalog.pg_partition_tree(i.indexrelid) t WHERE t.isleaf
            ), pg_catalog.pg_stat_get_numscans(i.indexrelid))
        ) ORDER BY c.relname)
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid = c.relam
        WHERE i.indrelid = r.oid
    ), '[]'),
    'size', (
        SELECT pg_catalog.json_build_object(
            'table_bytes', COALESCE(pg_catalog.sum(pg_catalog.pg_table_size(l.relid) - toast.bytes), 0),
            'toast_bytes', COALESCE(pg_catalog.sum(toast.bytes), 0),
            'index_bytes', COALESCE(pg_catalog.sum(pg_catalog.pg_indexes_size(l.relid)), 0),
            'total_bytes', COALESCE(pg_catalog.sum(pg_catalog.pg_total_relation_size(l.relid)), 0)
        )
        FROM leaf l JOIN pg_catalog.pg_class c ON c.oid = l.relid CROSS JOIN LATERAL (
            SELECT CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END AS bytes
        ) toast
    ),
    'estimated_rows', CASE WHEN r.relkind <> 'v' THEN (
        SELECT CASE WHEN pg_catalog.bool_and(c.reltuples >= 0 AND (c.reltuples > 0 OR c.relpages > 0 OR s.analysed OR pg_catalog.current_setting('server_version_num')::int4 >= 140000))
            THEN pg_catalog.sum(c.reltuples)::int8 END
        FROM leaf l JOIN pg_catalog.pg_class c ON c.oid = l.relid CROSS JOIN LATERAL (
            SELECT COALESCE(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid),
                pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)
            ) IS NOT NULL AS analysed
        ) s
    ) END,
    'live_rows', u.live_rows,
    'dead_rows', u.dead_rows,
    'sequential_scans', u.sequential_scans,
    'last_vacuum', u.last_vacuum,
    'last_autovacuum', u.last_autovacuum,
    'last_analyze', GREATEST(u.last_analyze, EXTRACT(epoch FROM pg_catalog.pg_stat_get_last_analyze_time(r.oid))),
    'last_autoanalyze', u.last_autoanalyze,
    'partition_key', pg_catalog.pg_get_partkeydef(r.oid),
    'partitions', COALESCE((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'schema', n.nspname,
            'name', c.relname,
            'bounds', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
            'total_bytes', COALESCE((
                SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(t.relid))
                FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf
            ), 0)
        ) ORDER BY n.nspname, c.relname)
        FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE h.inhparent = r.oid AND c.relispartition
    ), '[]')
)::text
FROM relation r CROSS JOIN (
    SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_stat_get_live_tuples(relid)), 0) AS live_rows,
        COALESCE(pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(relid)), 0) AS dead_rows,
        COALESCE(pg_catalog.sum(pg_catalog.pg_stat_get_numscans(relid)), 0) AS sequential_scans,
        EXTRACT(epoch FROM pg_catalog.max(pg_catalog.pg_stat_get_last_vacuum_time(relid))) AS last_vacuum,
        EXTRACT(epoch FROM pg_catalog.max(pg_catalog.pg_stat_get_last_autovacuum_time(relid))) AS last_autovacuum,
        EXTRACT(epoch FROM pg_catalog.max(pg_catalog.pg_stat_get_last_analyze_time(relid))) AS last_analyze,
        EXTRACT(epoch FROM pg_catalog.max(pg_catalog.pg_stat_get_last_autoanalyze_time(relid))) AS last_autoanalyze
    FROM leaf
) u
