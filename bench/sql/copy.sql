-- The same candles in the specification's table.
insert into specification.market_data (symbol, timestamp, open, high, low, close, volume)
select symbol, timestamp, open, high, low, close, volume
from public.market_data
