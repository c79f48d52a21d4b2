-- Seconds since the log was last archived; 0 where it has since grown by no more than the head of a new segment of 16 MiB.
select
    case
        when archiver.last_archived_wal is not null and pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') <= (
            ('x' || substr(archiver.last_archived_wal, 9, 8))::bit(32)::bigint * 4294967296
            + (('x' || substr(archiver.last_archived_wal, 17, 8))::bit(32)::bigint + 1) * 16777216
            + 256
        ) then 0
        else extract(epoch from clock_timestamp() - coalesce(archiver.last_archived_time, archiver.stats_reset))
    end::float8
from pg_stat_archiver as archiver
