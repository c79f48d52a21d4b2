-- The statements of this database that took most time, by whom: as PostgreSQL shows them to everybody, without a word of others' text.
select
    pg_get_userbyid(s.userid)::text as account,
    null::text as statement,
    s.calls,
    s.total_exec_time as milliseconds,
    s.total_exec_time / nullif(sum(s.total_exec_time) over (), 0) as share,
    null::text as explain
from public.pg_stat_statements as s
where s.toplevel and s.dbid = (select d.oid from pg_database as d where d.datname = current_database())
order by s.total_exec_time desc
limit %(most)s
