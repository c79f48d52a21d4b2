-- statement_timeout: 6h
-- online: the table has rows and writers
-- Named as create_hypertable names it, where it is let.
create index if not exists market_data_timestamp_idx on market_data (timestamp desc) with (timescaledb.transaction_per_chunk);
