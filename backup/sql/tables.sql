-- The platform's own tables, hypertables by their root, and whether a checksum of each is cheap enough for every hour.
select relation.relname as name, hypertable.table_name is not null as is_hypertable
from pg_class as relation
left join _timescaledb_catalog.hypertable as hypertable
    on relation.relnamespace::regnamespace::name = hypertable.schema_name
    and relation.relname = hypertable.table_name
where
    relation.relnamespace = 'public'::regnamespace
    and relation.relkind in ('r', 'p')
    and not exists (
        select from pg_depend as member
        where member.classid = 'pg_class'::regclass and member.objid = relation.oid and member.deptype = 'e'
    )
order by relation.relname
