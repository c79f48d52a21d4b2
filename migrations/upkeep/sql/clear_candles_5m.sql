-- The constant bounds are for the planner: they leave out chunks that the days can't lie in.
delete from public.candles_5m as r
using unnest(%(symbols)s::text[], %(days)s::timestamptz[]) as changed (symbol, day)
where r.symbol = changed.symbol and r.bucket >= changed.day and r.bucket < changed.day + interval '1 day'
    and r.bucket >= %(first)s and r.bucket < %(end)s;
