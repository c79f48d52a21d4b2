-- Bytes of every table with its indexes and what is stored beside it; a hypertable's with its chunks, compressed ones too, and a continuous
-- aggregate's by the name of its view.
select
    coalesce(aggregate.user_view_name, relation.relname) as name,
    coalesce(
        case when hypertable.id is not null then hypertable_size(relation.oid) end,
        pg_catalog.pg_total_relation_size(relation.oid)
    )::bigint as bytes
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
left join _timescaledb_catalog.hypertable as hypertable
    on namespace.nspname = hypertable.schema_name and relation.relname = hypertable.table_name
left join _timescaledb_catalog.continuous_agg as aggregate on hypertable.id = aggregate.mat_hypertable_id
where
    relation.relkind in ('r', 'm', 'p')
    and (namespace.nspname = %(schema)s or aggregate.mat_hypertable_id is not null)
order by 1
