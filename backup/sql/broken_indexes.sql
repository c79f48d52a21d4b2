-- Indexes that PostgreSQL itself does not trust.
select indexrelid::regclass::text from pg_index where not indisvalid or not indisready
