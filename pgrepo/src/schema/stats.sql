WITH here AS (
    SELECT * FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()
), session AS (
    -- What sort of session another role's is may not be seen either.
    SELECT * FROM pg_catalog.pg_stat_activity
    WHERE datname = pg_catalog.current_database() AND COALESCE(backend_type, 'client backend') = 'client backend'
), seen AS (
    SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS everything
)
SELECT pg_catalog.json_build_object(
    'name', h.datname,
    'version', pg_catalog.current_setting('server_version'),
    'version_number', pg_catalog.current_setting('server_version_num')::int4,
    'uptime', EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()),
    'size_bytes', pg_catalog.pg_database_size(h.datname),
    'size', pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(h.datname)),
    'tables', (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema'
            AND n.nspname !~ '^pg_'
    ),
    'connections', (
        SELECT pg_catalog.json_build_object(
            'active', pg_catalog.count(*) FILTER (WHERE state = 'active'),
            'idle', pg_catalog.count(*) FILTER (WHERE state = 'idle'),
            'idle_in_transaction', pg_catalog.count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
            'other', pg_catalog.count(*) FILTER (WHERE state NOT IN ('active', 'idle') AND state NOT LIKE 'idle in transaction%'),
            'hidden', pg_catalog.count(*) FILTER (WHERE state IS NULL),
            'server', (SELECT pg_catalog.sum(numbackends) FROM pg_catalog.pg_stat_database),
            'limit', pg_catalog.current_setting('max_connections')::int4
        ) FROM session
    ),
    'cache_hit_ratio', h.blks_hit::float8 / NULLIF(h.blks_hit + h.blks_read, 0),
    'commits', h.xact_commit,
    'rollbacks', h.xact_rollback,
    'deadlocks', h.deadlocks,
    'temporary_files', h.temp_files,
    'temporary_bytes', h.temp_bytes,
    'counted_since', EXTRACT(epoch FROM h.stats_reset),
    'longest_transaction', (
        SELECT EXTRACT(epoch FROM pg_catalog.max(pg_catalog.clock_timestamp() - xact_start)) FROM session
        WHERE pid <> pg_catalog.pg_backend_pid()
    ),
    'longest_query', (
        SELECT EXTRACT(epoch FROM pg_catalog.max(pg_catalog.clock_timestamp() - query_start)) FROM session
        WHERE pid <> pg_catalog.pg_backend_pid() AND state = 'active'
    ),
    'replication', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.json_build_object('standby', pg_catalog.json_build_object(
        'behind', EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()),
        'unreplayed_bytes', GREATEST(pg_catalog.pg_wal_lsn_diff(
            pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())::int8, CASE WHEN pg_catalog.pg_last_wal_receive_lsn() IS NOT NULL THEN 0 END)
    )) ELSE pg_catalog.json_build_object('primary', pg_catalog.json_build_object(
        'standbys', CASE WHEN s.everything THEN COALESCE((
            SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                'name', r.application_name,
                'address', pg_catalog.host(r.client_addr),
                'state', r.state,
                'behind', EXTRACT(epoch FROM r.replay_lag),
                'unreplayed_bytes', GREATEST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn)::int8,
                    CASE WHEN r.replay_lsn IS NOT NULL THEN 0 END)
            ) ORDER BY r.application_name, r.pid)
            FROM pg_catalog.pg_stat_replication r
        ), '[]') END
    )) END
)::text
FROM here h, seen s
