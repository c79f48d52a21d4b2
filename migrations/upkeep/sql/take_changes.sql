-- Takes the oldest noted days off the list, at most so many of them. Days noted again later stay on it.
with due as (
    select distinct c.day, c.symbol
    from public.candle_changes as c
    order by c.day, c.symbol
    limit %(limit)s
),

taken as (
    delete from public.candle_changes as c
    using due
    where c.symbol = due.symbol and c.day = due.day
    returning c.symbol, c.day
)

select distinct taken.symbol, taken.day from taken;
