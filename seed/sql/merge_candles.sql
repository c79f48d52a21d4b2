-- Moves staged candles into the hypertable: new ones in, changed ones over the old, equal ones not touched.
-- xmax is 0 in a row that this statement inserted, and its own transaction in one that it updated.
with written as (
    insert into market_data as kept (symbol, timestamp, open, high, low, close, volume)
    select s.symbol, s.timestamp, s.open, s.high, s.low, s.close, s.volume
    from staged_candles as s
    left join market_data as m on m.symbol = s.symbol and m.timestamp = s.timestamp
    where m.symbol is null
        or (m.open, m.high, m.low, m.close, m.volume) is distinct from (s.open, s.high, s.low, s.close, s.volume)
    -- In one order, so that two loads of the same candles wait for each other instead of both for ever.
    order by s.symbol, s.timestamp
    on conflict (symbol, timestamp) do update
    set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume
    returning (kept.xmax = 0) as is_new
)
select
    count(*) filter (where is_new) as inserted,
    count(*) filter (where not is_new) as updated
from written;
