-- Candles of the given symbols from a moment on, up to another one, oldest first in each symbol.
select m.symbol, m.timestamp, m.open, m.high, m.low, m.close, m.volume
from market_data as m
where m.symbol = any(%(symbols)s) and m.timestamp >= %(start)s and m.timestamp < %(end)s
order by m.symbol, m.timestamp;
