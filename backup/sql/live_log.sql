-- Which cluster and timeline the server writes, or replays, and where it is; when it last committed, where commits have times.
-- A server that has just started may not remember its last commit, so the newest transactions are looked at as well.
select
    (pg_control_system()).system_identifier::text as system_id,
    pg_is_in_recovery() as recovering,
    case
        when pg_is_in_recovery() then (pg_control_checkpoint()).timeline_id
        else ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
    end as timeline,
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as position,
    case
        when not pg_is_in_recovery() and current_setting('track_commit_timestamp')::boolean then (
            select max(pg_xact_commit_timestamp((number::text)::xid))
            from generate_series(
                greatest(3, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1000),
                pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1
            ) as number
            where number < 4294967296
        )
    end as committed
