-- Everything that keeps rows: tables, materialized views and foreign tables of every schema that is no system's or extension's own, and
-- large objects where there are some. Chunks are their hypertable's. `covered`: a partitioned table above it is counted with it.
-- `apart`: something below it keeps no rows of its own here, or loses them in a restore. `filtered`: row-level security hides rows of it.
with recursive descendants as (
    select inhparent as root, inhrelid as child from pg_inherits
    union
    select above.root, below.inhrelid
    from descendants as above
    inner join pg_inherits as below on above.child = below.inhparent
),

apart as (
    select distinct descendants.root
    from descendants
    inner join pg_class as child on descendants.child = child.oid
    where child.relkind = 'f' or child.relpersistence = 'u'
),

ours as (
    select
        relation.oid,
        relation.relname,
        relation.relkind,
        relation.relpersistence,
        relation.relispopulated,
        space.nspname,
        hypertable.table_name is not null as is_hypertable,
        apart.root is not null as is_apart,
        exists (
            select from pg_depend as member
            where member.classid = 'pg_class'::regclass and member.objid = relation.oid and member.deptype = 'e'
        ) as is_extensions
    from pg_class as relation
    inner join pg_namespace as space on relation.relnamespace = space.oid
    left join _timescaledb_catalog.hypertable as hypertable
        on space.nspname = hypertable.schema_name and relation.relname = hypertable.table_name
    left join apart on relation.oid = apart.root
    where
        relation.relkind in ('r', 'p', 'm', 'f')
        and relation.relpersistence <> 't'
        and space.nspname not like 'pg\_%'
        and space.nspname <> 'information_schema'
        and not exists (
            select from pg_depend as member
            where member.classid = 'pg_namespace'::regclass and member.objid = space.oid and member.deptype = 'e'
        )
        and not exists (
            select from _timescaledb_catalog.chunk as chunk
            where chunk.schema_name = space.nspname and chunk.table_name = relation.relname
        )
)

select
    ours.oid::bigint as oid,
    ours.nspname::text as schema_name,
    ours.relname::text as table_name,
    ours.relkind::text as kind,
    ours.is_hypertable,
    ours.is_apart,
    ours.relpersistence = 'u' as is_unlogged,
    ours.relispopulated as is_populated,
    row_security_active(ours.oid) as is_filtered,
    ours.is_extensions,
    exists (
        select from descendants as below
        inner join ours as root on below.root = root.oid
        where below.child = ours.oid and root.relkind = 'p' and not root.is_apart
    ) as is_covered
from ours
union all
select
    'pg_largeobject'::regclass::oid::bigint,
    'pg_catalog',
    'pg_largeobject',
    'r',
    false,
    false,
    false,
    true,
    false,
    false,
    false
where exists (select from pg_largeobject_metadata)
order by schema_name, table_name
