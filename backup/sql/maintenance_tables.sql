-- Tables of somebody's own in the database that every server has for its upkeep.
select count(*)
from pg_class as relation
inner join pg_namespace as space on relation.relnamespace = space.oid
where
    relation.relkind in ('r', 'p', 'm')
    and relation.relpersistence <> 't'
    and space.nspname not like 'pg\_%'
    and space.nspname <> 'information_schema'
    and not exists (
        select from pg_depend as member
        where
            member.deptype = 'e'
            and (
                member.classid = 'pg_class'::regclass and member.objid = relation.oid
                or member.classid = 'pg_namespace'::regclass and member.objid = space.oid
            )
    )
