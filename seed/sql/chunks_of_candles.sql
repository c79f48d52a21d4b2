-- How many chunks the candles lie in; seen from inside a transaction, those that it has made are counted as well.
select count(*)
from _timescaledb_catalog.chunk as chunk
inner join _timescaledb_catalog.hypertable as hypertable on chunk.hypertable_id = hypertable.id
where hypertable.schema_name = 'public' and hypertable.table_name = 'market_data' and not chunk.dropped;
