-- The first row found that the seed doesn't write, in a few words, or null. Looks no further than it has to, in none of its parts.
with recursive hops as (
    (select m.symbol from market_data as m order by m.symbol limit 1)
    union all
    select (select m.symbol from market_data as m where m.symbol > h.symbol order by m.symbol limit 1)
    from hops as h
    -- The samples' symbols are hopped over; at the first other one there is nothing more to find out.
    where h.symbol = any(%(symbols)s::text[])
)

select
    coalesce(
        (select 'candles of ' || h.symbol from hops as h where h.symbol <> all(%(symbols)s::text[]) limit 1),
        (select 'candles of ' || m.symbol || ' after the samples'' last' from market_data as m where m.timestamp > %(last)s limit 1),
        (select 'candles of ' || m.symbol || ' before the samples'' first' from market_data as m where m.timestamp < %(first)s limit 1),
        (
            select 'candles of ' || m.symbol || ' within a day'
            from market_data as m
            where m.timestamp <> date_trunc('day', m.timestamp, 'UTC')
            limit 1
        ),
        (select 'user ' || u.username from users as u where u.username <> all(%(usernames)s::text[]) limit 1),
        (
            select 'an order of user ' || u.username
            from orders as o
            inner join users as u on o.user_id = u.id
            where o.external_id is null or o.external_id <> all(%(orders)s::text[])
            limit 1
        )
    ) as found;
