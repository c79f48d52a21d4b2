-- The same expressions as in the continuous aggregate of the Community edition.
insert into public.candles_5m (symbol, bucket, open, high, low, close, volume)
select
    s.symbol,
    time_bucket(interval '5 minutes', s.timestamp) as bucket,
    first(s.open, s.timestamp),
    max(s.high),
    min(s.low),
    last(s.close, s.timestamp),
    sum(s.volume)
from unnest(%(symbols)s::text[], %(days)s::timestamptz[]) as changed (symbol, day)
join public.market_data as s
    on s.symbol = changed.symbol and s.timestamp >= changed.day and s.timestamp < changed.day + interval '1 day'
where s.timestamp >= %(first)s and s.timestamp < %(end)s
group by s.symbol, time_bucket(interval '5 minutes', s.timestamp);
