-- Hypertables with the number of their chunks: rows without a chunk would be unreachable.
select hypertable.schema_name::text, hypertable.table_name::text, count(chunk.id)
from _timescaledb_catalog.hypertable as hypertable
left join _timescaledb_catalog.chunk as chunk on hypertable.id = chunk.hypertable_id and not chunk.dropped
where hypertable.schema_name not like '\_timescaledb\_%'
group by hypertable.schema_name, hypertable.table_name
order by hypertable.schema_name, hypertable.table_name
