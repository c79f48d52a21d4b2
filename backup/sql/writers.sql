-- Sessions of accounts that may write, by account: not those that only read, and not the server's own. A twin is its account's other login.
select account, count(*)
from (select regexp_replace(usename, '_twin$', '') as account from pg_stat_activity) as sessions
where account not in ('postgres', 'backup', 'monitor', 'analyst')
group by account
order by account
