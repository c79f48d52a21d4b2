-- The connection limit of all accounts, and the connections of each.
select
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - current_setting('reserved_connections')::int as room,
    coalesce((
        select json_object_agg(held.account, held.number)
        from (
            select coalesce(s.account, 'nobody yet') as account, count(*) as number
            from watch.sessions() as s
            group by 1
        ) as held
    ), '{}') as held
