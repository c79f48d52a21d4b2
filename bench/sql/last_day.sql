-- The candles of a symbol's last day: of the 24 hours up to its newest candle, whenever that was.
select timestamp, open, high, low, close, volume
from market_data
where
    symbol = %(symbol)s
    and timestamp > (select max(timestamp) from market_data where symbol = %(symbol)s) - interval '24 hours'
order by timestamp
