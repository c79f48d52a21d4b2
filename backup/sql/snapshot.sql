-- Called as the first statement of a repeatable-read transaction. Its snapshot holds exactly what the log holds up to `lsn`
-- if nobody was writing (`running` is 0) and the log had not moved since just before (the caller compares).
select
    pg_current_wal_insert_lsn()::text as lsn,
    clock_timestamp() as moment,
    (select count(*) from pg_snapshot_xip(pg_current_snapshot())) as running,
    pg_export_snapshot() as snapshot
