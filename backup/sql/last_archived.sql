-- When the last segment came to the repository; without any, when the server began to count.
select coalesce(last_archived_time, stats_reset) from pg_stat_archiver
