-- Of the given fills, those whose day has no candle, or one that never saw the price.
select given.symbol, given.day
from unnest(%(symbols)s::text[], %(days)s::timestamptz[], %(prices)s::numeric[]) as given (symbol, day, price)
left join market_data as m
    on m.symbol = given.symbol and m.timestamp = given.day and given.price between m.low and m.high
where m.symbol is null
order by given.day, given.symbol
limit 1;
