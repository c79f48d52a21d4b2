-- Counters of all databases since the last statistics reset.
select
    (select sum(deadlocks) from pg_stat_database)::bigint as deadlocks,
    (select sum(temp_bytes) from pg_stat_database)::bigint as temporary_bytes,
    (select sum(temp_files) from pg_stat_database)::bigint as temporary_files,
    (select coalesce(sum(checksum_failures), 0) from pg_stat_database)::bigint as checksum_failures,
    (select max(checksum_last_failure)::text from pg_stat_database) as checksum_last_failure,
    current_setting('data_checksums') = 'on' as has_checksums,
    (select num_requested from pg_stat_checkpointer)::bigint as requested_checkpoints,
    (select num_timed from pg_stat_checkpointer)::bigint as timed_checkpoints,
    (select wal_sync from pg_stat_wal)::bigint as log_syncs,
    (select wal_sync_time from pg_stat_wal)::float8 as log_sync_milliseconds
