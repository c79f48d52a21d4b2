-- Locks that the migration's sessions hold on tables that everyone can see; a chunk's count as its hypertable's, an index's as its table's.
select distinct coalesce(k.hypertable_name::text, t.relname::text) as name, l.mode
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c on c.oid = l.relation
left join pg_catalog.pg_index as i on i.indexrelid = c.oid
join pg_catalog.pg_class as t on t.oid = coalesce(i.indrelid, c.oid)
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
left join timescaledb_information.chunks as k on k.chunk_schema = n.nspname and k.chunk_name = t.relname
where l.granted and l.locktype = 'relation' and l.mode = any(%(modes)s) and t.relkind in ('r', 'p', 'v', 'm')
    and (n.nspname = 'public' or k.hypertable_name is not null)
    and l.pid in (select a.pid from pg_catalog.pg_stat_activity as a where a.application_name = %(name)s)
