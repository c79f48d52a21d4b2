-- Hypertables, those behind continuous aggregates as well, with their chunks and how many locks a statement over all of them takes; the most
-- first. And how many locks the server has room for.
select
    coalesce(aggregate.user_view_name, hypertable.table_name) as name,
    count(chunk.id) as chunks,
    count(chunk.id) * (
        1 + (
            select count(*)
            from pg_catalog.pg_index as i
            where i.indrelid = format('%%I.%%I', hypertable.schema_name, hypertable.table_name)::regclass
        )
    ) as locks,
    current_setting('max_locks_per_transaction')::bigint
    * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) as room
from _timescaledb_catalog.hypertable as hypertable
left join _timescaledb_catalog.chunk as chunk on hypertable.id = chunk.hypertable_id and not chunk.dropped
left join _timescaledb_catalog.continuous_agg as aggregate on hypertable.id = aggregate.mat_hypertable_id
where hypertable.schema_name = %s or aggregate.mat_hypertable_id is not null
group by hypertable.id, aggregate.user_view_name
order by locks desc, name
