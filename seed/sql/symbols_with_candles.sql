-- Every symbol that has candles in a time range, found by hopping from one to the next instead of reading all candles.
with recursive hops as (
    (
        select m.symbol from market_data as m
        where m.timestamp >= %(start)s and m.timestamp < %(end)s
        order by m.symbol
        limit 1
    )
    union all
    select
        (
            select m.symbol from market_data as m
            where m.symbol > h.symbol and m.timestamp >= %(start)s and m.timestamp < %(end)s
            order by m.symbol
            limit 1
        )
    from hops as h
    where h.symbol is not null
)

select h.symbol from hops as h
where h.symbol is not null;
