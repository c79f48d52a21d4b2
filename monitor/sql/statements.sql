-- What the server was asked in this database: how often, and how many pages and milliseconds that took each time.
select
    said.query,
    sum(said.calls)::bigint as calls,
    (sum(said.shared_blks_hit + said.shared_blks_read) / sum(said.calls))::float8 as pages,
    (sum(said.total_exec_time) / sum(said.calls))::float8 as milliseconds
from pg_stat_statements as said
where said.dbid = (select base.oid from pg_catalog.pg_database as base where base.datname = pg_catalog.current_database())
group by 1
