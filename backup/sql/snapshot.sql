-- The first statement of a repeatable-read transaction: the position in the log right after its snapshot, what the snapshot is called,
-- and who was writing meanwhile.
select
    pg_current_wal_insert_lsn()::text as position,
    pg_export_snapshot() as snapshot,
    array(select pg_snapshot_xip(pg_current_snapshot())::text) as running,
    pg_snapshot_xmax(pg_current_snapshot())::text as next_transaction,
    pg_snapshot_xmin(pg_current_snapshot())::text as oldest_running
