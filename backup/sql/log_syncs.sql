-- How often commits and others waited until the log was on the disk, and for how many milliseconds in all.
select wal_sync, wal_sync_time from pg_stat_wal
