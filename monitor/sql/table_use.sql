-- How the platform's tables are read and written, a chunk's figures as its hypertable's.
select
    coalesce(chunk.hypertable_name::text, used.relname::text) as name,
    sum(used.n_live_tup)::bigint as live,
    sum(used.n_dead_tup)::bigint as dead,
    sum(used.n_mod_since_analyze)::bigint as changed,
    sum(used.seq_scan)::bigint as scans,
    sum(used.seq_tup_read)::bigint as scanned,
    sum(coalesce(used.idx_scan, 0))::bigint as lookups
from pg_catalog.pg_stat_user_tables as used
left join timescaledb_information.chunks as chunk on used.schemaname = chunk.chunk_schema and used.relname = chunk.chunk_name
where used.schemaname = %(schema)s or chunk.hypertable_schema = %(schema)s
group by 1
order by 1
