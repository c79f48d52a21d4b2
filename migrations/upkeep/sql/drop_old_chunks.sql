-- How long candles are kept: KEEP_MARKET_DATA in christmas/blueprint/relational.py.
-- Chunks that lie wholly before the moment; a chunk that reaches over it stays until it is older.
select count(*) from public.drop_chunks(%(name)s::regclass, older_than => %(before)s::timestamptz);
