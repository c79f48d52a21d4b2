-- What a recovery has replayed; a server that was started anew since then doesn't know it any more.
select
    pg_last_wal_replay_lsn()::text as position,
    pg_last_xact_replay_timestamp() as committed,
    ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int as timeline
