-- squawk-ignore-file require-concurrent-index-deletion
-- A hypertable refuses to drop an index concurrently.
drop index technical_indicators_timestamp_idx;
