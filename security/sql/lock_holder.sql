-- Who holds the lock of a rotation, in this database.
select
    a.application_name,
    a.pid,
    extract(epoch from now() - a.backend_start)::int as seconds
from pg_catalog.pg_locks as l
inner join pg_catalog.pg_stat_activity as a on l.pid = a.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.objsubid = 1
    and (l.classid::bigint << 32) + l.objid::bigint = %(lock)s
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database());
