-- Sessions of accounts that may write, by account: not those that only read, and not the server's own.
select usename, count(*)
from pg_stat_activity
where usename not in ('postgres', 'backup', 'monitor', 'analyst')
group by usename
order by usename
