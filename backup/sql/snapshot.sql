-- The first statement of a repeatable-read transaction: what it can see, exported for others, and who was writing meanwhile.
select
    pg_export_snapshot() as snapshot,
    array(select pg_snapshot_xip(pg_current_snapshot())::text) as running,
    pg_snapshot_xmax(pg_current_snapshot())::text as next_transaction
