-- Finished segments of the log that wait to be archived, how long the oldest has waited, and how soon an open one is finished.
select
    count(*) as waiting,
    extract(epoch from clock_timestamp() - min(status.modification))::float8 as seconds,
    (select setting::int from pg_settings where name = 'archive_timeout') as timeout
from pg_ls_archive_statusdir() as status
where status.name like '%.ready'
