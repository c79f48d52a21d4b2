-- Hypertables with their time column and the length of a chunk. Times are counted in microseconds there.
select hypertable.table_name, dimension.column_name, make_interval(secs => dimension.interval_length / 1e6)
from _timescaledb_catalog.hypertable as hypertable
inner join _timescaledb_catalog.dimension as dimension on hypertable.id = dimension.hypertable_id
where hypertable.schema_name = %s and dimension.interval_length is not null
