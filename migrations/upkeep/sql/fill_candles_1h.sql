-- The same expressions as in the continuous aggregate of the Community edition.
insert into public.candles_1h (symbol, bucket, open, high, low, close, volume)
select
    s.symbol,
    time_bucket(interval '1 hour', s.bucket) as bucket,
    first(s.open, s.bucket),
    max(s.high),
    min(s.low),
    last(s.close, s.bucket),
    sum(s.volume)
from unnest(%(symbols)s::text[], %(days)s::timestamptz[]) as changed (symbol, day)
join public.candles_5m as s
    on s.symbol = changed.symbol and s.bucket >= changed.day and s.bucket < changed.day + interval '1 day'
where s.bucket >= %(first)s and s.bucket < %(end)s
group by s.symbol, time_bucket(interval '1 hour', s.bucket);
