-- Hypertables with the number of their chunks: rows without a chunk would be unreachable.
select hypertable.table_name, count(chunk.id)
from _timescaledb_catalog.hypertable as hypertable
left join _timescaledb_catalog.chunk as chunk on hypertable.id = chunk.hypertable_id and not chunk.dropped
where hypertable.schema_name = 'public'
group by hypertable.table_name
order by hypertable.table_name
