-- Whether the log is archived: what is waiting is what a lost disk would lose beyond the open segment.
select
    archived_count,
    failed_count,
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as failing,
    last_failed_wal,
    extract(epoch from clock_timestamp() - last_archived_time)::float8 as seconds,
    current_setting('archive_mode') as mode,
    current_setting('archive_command') as command
from pg_stat_archiver
