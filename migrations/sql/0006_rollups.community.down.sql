-- Ends the longer candles, the jobs and the columnstore; the candles stay. Chunks in the columnstore become plain ones first.

select remove_retention_policy('technical_indicators', if_exists => true);
select remove_retention_policy('market_data', if_exists => true);
drop materialized view candles_1d;
drop materialized view candles_1h;
drop materialized view candles_5m;
call remove_columnstore_policy('technical_indicators', if_exists => true);
call remove_columnstore_policy('market_data', if_exists => true);

select decompress_chunk(c, if_compressed => true)
from show_chunks('market_data') as c;

select decompress_chunk(c, if_compressed => true)
from show_chunks('technical_indicators') as c;

alter table market_data set (timescaledb.enable_columnstore = false);
alter table technical_indicators set (timescaledb.enable_columnstore = false);
