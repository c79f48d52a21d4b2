-- Each symbol's newest candle. Served backwards from the unique index on (symbol, timestamp), newest chunk first.
select distinct on (symbol)
    symbol,
    "timestamp",
    open,
    high,
    low,
    close,
    volume
from market_data
order by symbol asc, "timestamp" desc;
