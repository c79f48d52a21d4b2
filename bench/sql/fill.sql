-- Candles as they arrive, minute by minute and within it symbol by symbol: sessions of 390 minutes, every day one, from its number on.
-- As in any market some symbols are no longer traded: one in fifty has no candles from day `ended` on.
insert into market_data (symbol, timestamp, open, high, low, close, volume)
select
    'SYM' || to_char(s, 'FM000'),
    '2024-01-01 14:30Z'::timestamptz + d * interval '1 day' + m * interval '1 minute',
    10 + mod(s, 7),
    12 + mod(s, 7),
    9 + mod(s, 7),
    11 + mod(s, 7),
    m
from
    generate_series(%(first)s::integer, %(last)s::integer) as d,
    generate_series(0, 389) as m,
    generate_series(0, %(symbols)s::integer - 1) as s
where d < %(ended)s or mod(s, 50) <> 49;
