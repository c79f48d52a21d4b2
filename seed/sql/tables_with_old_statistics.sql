-- Which of these tables have changed, chunks counted with their hypertable, by more than this share since they were analyzed.
select coalesce(chunk.hypertable_name::text, used.relname::text) as name
from pg_catalog.pg_stat_user_tables as used
left join timescaledb_information.chunks as chunk on used.schemaname = chunk.chunk_schema and used.relname = chunk.chunk_name
where
    coalesce(chunk.hypertable_schema::text, used.schemaname::text) = %(schema)s
    and coalesce(chunk.hypertable_name::text, used.relname::text) = any(%(tables)s)
group by 1
having
    sum(used.n_mod_since_analyze) >= %(rows)s
    and sum(used.n_mod_since_analyze) > %(share)s * greatest(sum(used.n_live_tup), 1)
