-- A symbol's newest daily candles. The platform keeps them longer than the candles that they are made of.
select
    bucket,
    open,
    high,
    low,
    close,
    volume
from candles_1d
where symbol = %(symbol)s
order by bucket desc
limit 30;
