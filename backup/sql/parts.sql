-- The relations that keep the rows of these tables: of those in `whole` themselves and all below them, of those in `alone` themselves. Each with
-- the files of its rows and of its long values, what else its rows' hash depends on (`columns`: the table's columns as this relation has them,
-- and their types all the way down), and whether its log tells every change (`sound`). What isn't known for certain isn't sound.
with recursive tree as (
    select
        relation.oid as root,
        relation.oid as part
    from pg_class as relation
    where relation.oid = any(%(whole)s::oid [])
    union
    select
        tree.root,
        below.inhrelid
    from tree
    inner join pg_inherits as below on tree.part = below.inhparent
),

members as (
    select
        tree.root,
        tree.part
    from tree
    union
    select
        single,
        single
    from unnest(%(alone)s::oid []) as single
),

roots as (select distinct members.root from members),

wanted as (
    select
        attribute.attrelid as root,
        attribute.attnum,
        attribute.attname,
        attribute.atttypid,
        attribute.atttypmod,
        attribute.attcollation
    from pg_attribute as attribute
    inner join roots on attribute.attrelid = roots.root
    where attribute.attnum > 0 and not attribute.attisdropped
),

used as (
    select
        wanted.root,
        wanted.atttypid as type
    from wanted
    union
    select
        used.root,
        deeper.type
    from used
    cross join lateral (
        select typelem as type from pg_type where oid = used.type and typelem <> 0
        union all
        select typbasetype from pg_type where oid = used.type and typbasetype <> 0
        union all
        select attribute.atttypid
        from pg_type as composite
        inner join pg_attribute as attribute on composite.typrelid = attribute.attrelid
        where composite.oid = used.type and composite.typrelid <> 0 and attribute.attnum > 0 and not attribute.attisdropped
        union all
        select rngsubtype from pg_range where used.type in (rngtypid, rngmultitypid)
    ) as deeper
),

collations as (select collation_.oid from pg_collation as collation_ where collation_.collisdeterministic),

types as (
    select
        kind.oid,
        json_build_array(
            kind.oid, kind.typtype, kind.typlen, kind.typelem, kind.typbasetype, kind.typtypmod, kind.typcollation,
            (
                select json_agg(json_build_array(label.oid, label.enumlabel) order by label.enumsortorder)
                from pg_enum as label where label.enumtypid = kind.oid
            ),
            (
                select json_agg(json_build_array(a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation) order by a.attnum)
                from pg_attribute as a
                where a.attrelid = kind.typrelid and kind.typrelid <> 0 and a.attnum > 0 and not a.attisdropped
            ),
            (
                select json_agg(json_build_array(span.rngsubtype, span.rngcollation, span.rngsubopc, span.rngcanonical))
                from pg_range as span where kind.oid in (span.rngtypid, span.rngmultitypid)
            )
        )::text as description,
        -- How values of these are hashed and written is PostgreSQL's own affair, and depends on nothing outside the value.
        case kind.typtype
            when 'b' then
                (
                    kind.oid < 16384
                    and kind.typnamespace = 'pg_catalog'::regnamespace
                    and kind.typname in (
                        'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'money', 'text', 'varchar', 'bpchar', 'char', 'name',
                        'bytea', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'xml',
                        'inet', 'cidr', 'macaddr', 'macaddr8', 'bit', 'varbit', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle',
                        'oid', 'tsvector', 'tsquery', 'pg_lsn', 'xid8'
                    )
                )
                or (kind.typelem <> 0 and kind.typlen = -1 and kind.typsubscript = 'array_subscript_handler'::regproc)
            else kind.typtype in ('e', 'd', 'c', 'r', 'm')
        end
        and (kind.typcollation = 0 or kind.typcollation in (select oid from collations))
        and not exists (
            select from pg_attribute as a
            where
                a.attrelid = kind.typrelid and kind.typrelid <> 0 and a.attnum > 0 and a.attcollation <> 0
                and a.attcollation not in (select oid from collations)
        )
        and not exists (
            select from pg_range as span
            where
                kind.oid in (span.rngtypid, span.rngmultitypid) and span.rngcollation <> 0
                and span.rngcollation not in (select oid from collations)
        ) as sound
    from pg_type as kind
    where kind.oid in (select used.type from used)
),

-- Somebody's own way to hash or write a type: what it calls can be replaced.
own_ways as (
    select opcintype as type from pg_opclass
    where opcdefault and opcmethod = (select oid from pg_am where amname = 'hash') and oid >= 16384
    union
    select castsource from pg_cast where casttarget = 'text'::regtype and oid >= 16384
),

typed as (
    select
        used.root,
        string_agg(types.description, ';' order by types.oid) as description,
        bool_and(types.sound)
        and not exists (
            select from own_ways
            where own_ways.type < 16384 or own_ways.type in (select mine.type from used as mine where mine.root = used.root)
        ) as sound
    from used
    inner join types on used.type = types.oid
    group by used.root
),

columns as (
    select
        members.root,
        members.part,
        md5(
            string_agg(
                json_build_array(
                    wanted.attname, wanted.atttypid, wanted.atttypmod, wanted.attcollation,
                    attribute.attnum, attribute.atttypmod, attribute.atthasmissing, attribute.attmissingval::text, attribute.attgenerated
                )::text, ';' order by wanted.attnum
            )
        ) as description,
        bool_and(
            attribute.attnum is not null
            and attribute.atttypid = wanted.atttypid
            and attribute.attcollation = wanted.attcollation
            and attribute.attgenerated in ('', 's')
            and (attribute.attcollation = 0 or attribute.attcollation in (select oid from collations))
        ) as sound
    from members
    inner join wanted on members.root = wanted.root
    left join pg_attribute as attribute
        on members.part = attribute.attrelid and wanted.attname = attribute.attname
        and attribute.attnum > 0 and not attribute.attisdropped
    group by members.root, members.part
),

hypertables as (
    select
        relation.oid as root,
        hypertable.id
    from _timescaledb_catalog.hypertable as hypertable
    inner join pg_namespace as space on hypertable.schema_name = space.nspname
    inner join pg_class as relation on space.oid = relation.relnamespace and hypertable.table_name = relation.relname
    inner join roots on relation.oid = roots.root
),

chunks as (
    select
        hypertables.root,
        relation.oid as part,
        chunk.status = 0 and chunk.compressed_chunk_id is null and not chunk.osm_chunk as is_plain
    from hypertables
    inner join _timescaledb_catalog.chunk as chunk on hypertables.id = chunk.hypertable_id and not chunk.dropped
    left join pg_namespace as space on chunk.schema_name = space.nspname
    left join pg_class as relation on space.oid = relation.relnamespace and chunk.table_name = relation.relname
)

select
    members.root::bigint as root,
    relation.oid::bigint as oid,
    space.nspname::text as schema_name,
    relation.relname::text as part_name,
    relation.relfilenode::bigint as node,
    coalesce(long_values.relfilenode, 0)::bigint as long_node,
    coalesce(columns.description, '') || md5(coalesce(typed.description, '')) as columns,
    (
        relation.oid >= 16384
        and relation.relkind in ('r', 'm')
        and relation.relpersistence = 'p'
        and relation.relfilenode <> 0
        and relation.relam = (select oid from pg_am where amname = 'heap' and oid < 16384)
        and coalesce(columns.sound, true)
        and coalesce(typed.sound, true)
        and (
            hypertables.root is null
            or members.part = members.root
            or exists (select from chunks where chunks.root = members.root and chunks.part = members.part and chunks.is_plain)
        )
        and not exists (
            select from chunks
            where
                chunks.root = members.root
                and (
                    chunks.part is null
                    or not exists (select from members as each where each.root = chunks.root and each.part = chunks.part)
                )
        )
    ) as is_sound
from members
inner join pg_class as relation on members.part = relation.oid
inner join pg_namespace as space on relation.relnamespace = space.oid
left join pg_class as long_values on relation.reltoastrelid = long_values.oid
left join columns on members.root = columns.root and members.part = columns.part
left join typed on members.root = typed.root
left join hypertables on members.root = hypertables.root
where relation.relkind <> 'p'
order by members.root, relation.oid
