-- Whether any of the symbols has candles in the range that were there before the load began: its own have higher numbers.
select exists (
    select from market_data as m
    where m.symbol = any(%(symbols)s) and m.timestamp >= %(first)s and m.timestamp <= %(last)s and m.id <= %(highest)s
);
