-- statement_timeout: 6h
-- online: the table has rows and writers
-- Named as create_hypertable names it, where it is let.
create index if not exists technical_indicators_timestamp_idx on technical_indicators (timestamp desc)
with (timescaledb.transaction_per_chunk);
