-- squawk-ignore-file require-concurrent-index-deletion
-- A hypertable refuses to drop an index concurrently.
drop index market_data_timestamp_idx;
