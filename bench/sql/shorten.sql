-- A shorter history of the same market: chunks whose every candle is older than day `first`.
select drop_chunks('public.market_data', older_than => '2024-01-01 00:00Z'::timestamptz + %(first)s::integer * interval '1 day')
