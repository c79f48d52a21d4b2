-- Invalid indexes of failed builds: written to, never read. A table with a build's lock is left out: the build may still run.
select
    index_relation.oid::regclass::text as name,
    relation.oid::regclass::text as table_name
from pg_index as i
inner join pg_class as index_relation on i.indexrelid = index_relation.oid
inner join pg_class as relation on i.indrelid = relation.oid
inner join pg_namespace as n on relation.relnamespace = n.oid
where
    not (i.indisvalid and i.indisready)
    and n.nspname not like 'pg\_%'
    and not exists (
        select
        from pg_locks as l
        where l.relation = i.indrelid and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock') and l.granted
    )
order by 1
