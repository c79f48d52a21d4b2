-- Every index of the platform's tables: how often it was read, chunks included, what it is made of, and since when reads are counted.
-- A chunk's index is called as its hypertable's, with the chunk's name or numbers before it.
with used as (
    select
        coalesce(chunk.hypertable_name::text, stat.relname::text) as table_name,
        case
            when chunk.hypertable_name is null then stat.indexrelname::text
            else regexp_replace(stat.indexrelname, '^(_hyper_\d+_\d+_chunk_|\d+_\d+_)', '')
        end as index_name,
        sum(stat.idx_scan) as reads
    from pg_catalog.pg_stat_user_indexes as stat
    left join timescaledb_information.chunks as chunk on stat.schemaname = chunk.chunk_schema and stat.relname = chunk.chunk_name
    where stat.schemaname = %(schema)s or chunk.hypertable_schema = %(schema)s
    group by 1, 2
)

select
    relation.relname::text as table_name,
    index_relation.relname::text as index_name,
    key.indisunique as is_unique,
    regexp_replace(pg_catalog.pg_get_indexdef(key.indexrelid), '^.* USING ', '') as definition,
    coalesce((select sum(used.reads) from used where used.table_name = relation.relname and used.index_name = index_relation.relname), 0)::bigint as reads,
    extract(
        epoch from now() - greatest(
            pg_catalog.pg_postmaster_start_time(),
            (select base.stats_reset from pg_catalog.pg_stat_database as base where base.datname = pg_catalog.current_database())
        )
    )::float8 as seconds
from pg_catalog.pg_index as key
inner join pg_catalog.pg_class as relation on key.indrelid = relation.oid
inner join pg_catalog.pg_class as index_relation on key.indexrelid = index_relation.oid
where relation.relnamespace = %(schema)s::text::regnamespace
order by 1, 2
