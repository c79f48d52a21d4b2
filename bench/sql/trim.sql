-- What shorten.sql left of days before `first`.
delete from public.market_data
where timestamp < '2024-01-01 00:00Z'::timestamptz + %(first)s::integer * interval '1 day'
