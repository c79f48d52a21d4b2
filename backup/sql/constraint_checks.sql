-- A statement for each promise of the schema that counts the rows which break it: what PostgreSQL believes is not asked.
-- CHECK and NOT NULL, once for each table; chunks' own bounds; foreign keys; primary keys and unique constraints. What was declared NOT VALID
-- promises nothing about the rows that are there. A table's children by inheritance have promises of their own, so only partitions and chunks
-- count with what is above them. `depends`: a function in a CHECK may answer otherwise at another moment or on another server.
with ours as (
    select
        relation.oid,
        relation.oid::regclass::text as name,
        chunk.id is null as is_root,
        relation.relispartition as is_partition,
        case when relation.relkind = 'r' and hypertable.id is null then 'only ' else '' end || relation.oid::regclass as source
    from pg_class as relation
    inner join pg_namespace as space on relation.relnamespace = space.oid
    left join _timescaledb_catalog.hypertable as hypertable
        on space.nspname = hypertable.schema_name and relation.relname = hypertable.table_name
    left join _timescaledb_catalog.chunk as chunk on space.nspname = chunk.schema_name and relation.relname = chunk.table_name
    where
        relation.relkind in ('r', 'p')
        and relation.relpersistence <> 't'
        and space.nspname not like 'pg\_%'
        and space.nspname <> 'information_schema'
        and not exists (
            select from pg_partition_tree(relation.oid) as part
            inner join pg_class as below on part.relid = below.oid
            where below.relkind = 'f'
        )
        and (
            chunk.id is not null and relation.relname like '\_hyper\_%\_chunk'
            or chunk.id is null and not exists (
                select from pg_depend as member
                where member.classid = 'pg_namespace'::regclass and member.objid = space.oid and member.deptype = 'e'
            )
        )
        and not exists (
            select from pg_depend as member
            where member.classid = 'pg_class'::regclass and member.objid = relation.oid and member.deptype = 'e'
        )
),

columns as (
    select
        con.oid as con,
        string_agg(format('a.%I', mine.attname), ', ' order by key.place) as mine,
        string_agg('a.' || quote_ident(mine.attname) || ' = b.' || quote_ident(theirs.attname), ' and ' order by key.place) as pairs,
        string_agg(format('a.%I is not null', mine.attname), ' and ' order by key.place) as given
    from pg_constraint as con
    cross join lateral unnest(con.conkey) with ordinality as key (attnum, place)
    inner join pg_attribute as mine on con.conrelid = mine.attrelid and key.attnum = mine.attnum
    left join pg_attribute as theirs on con.confrelid = theirs.attrelid and con.confkey[key.place] = theirs.attnum
    group by con.oid
)

select
    ours.name,
    con.conname::text as promise,
    case con.contype
        when 'c' then format('select count(*) from %s where not (%s)', ours.source, pg_get_expr(con.conbin, con.conrelid))
        when 'f' then
            format(
                'select count(*) from %s as a where %s and not exists (select from %s as b where %s)',
                ours.source, columns.given, coalesce(theirs.source, con.confrelid::regclass::text), columns.pairs
            )
        else
            format(
                'select count(*) from (select from %s as a where %s group by %s having count(*) > 1) as doubled',
                ours.source, columns.given, columns.mine
            )
    end as statement,
    con.contype = 'c' and (
        con.conbin::text like '%SQLVALUEFUNCTION%'
        or exists (
            select from regexp_matches(con.conbin::text, ':(?:op)?funcid (\d+)', 'g') as called
            inner join pg_proc as function on called[1]::oid = function.oid
            where function.provolatile <> 'i'
        )
    ) as depends
from ours
inner join pg_constraint as con on ours.oid = con.conrelid
left join columns on con.oid = columns.con
left join ours as theirs on con.confrelid = theirs.oid
where
    con.convalidated
    and (
        (con.contype in ('p', 'u') and ours.is_root)
        -- Of a key that points to a partitioned table or a hypertable, the catalogue has one more for each part.
        or (con.contype = 'f' and ours.is_root and con.conparentid = 0 and coalesce(theirs.is_root, true))
        or (con.contype = 'c' and ours.is_root and (con.coninhcount = 0 or not ours.is_partition))
        or (con.contype = 'c' and con.coninhcount = 0 and con.conname like 'constraint\_%')
    )
union all
-- num_nulls, because the planner takes "is null" of such a column for false. It takes a hundred columns at most.
select
    ours.name,
    'not null',
    format('select count(*) from %s where num_nulls(%s) > 0', ours.source, string_agg(quote_ident(att.attname), ', ')),
    false
from ours
inner join pg_attribute as att on ours.oid = att.attrelid
where ours.is_root and att.attnum > 0 and att.attnotnull and not att.attisdropped
group by ours.name, ours.source, att.attnum / 100
