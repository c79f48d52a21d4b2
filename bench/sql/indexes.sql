-- A table's keys and indexes: the statement that makes each of them again, and the one that takes it away.
select
    case
        when c.oid is null then pg_get_indexdef(i.indexrelid)
        else format('alter table %%s add constraint %%I %%s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
    end as again,
    case
        when c.oid is null then format('drop index %%s', i.indexrelid::regclass)
        else format('alter table %%s drop constraint %%I', i.indrelid::regclass, c.conname)
    end as away
from pg_index as i
left join pg_constraint as c on i.indexrelid = c.conindid and i.indrelid = c.conrelid
where i.indrelid = %(table)s::regclass
