-- A statement for each promise of the schema that counts the rows which break it: what PostgreSQL believes is not asked.
-- CHECK and NOT NULL, once for each table; chunks' own bounds; foreign keys; primary keys and unique constraints. What was declared NOT VALID
-- promises nothing about the rows that are there.
with ours as (
    select relation.oid, relation.oid::regclass::text as name, chunk.id is null as is_root
    from pg_class as relation
    inner join pg_namespace as space on relation.relnamespace = space.oid
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
        when 'c' then format('select count(*) from %s where not (%s)', ours.name, pg_get_expr(con.conbin, con.conrelid))
        when 'f' then
            format(
                'select count(*) from %s as a where %s and not exists (select from %s as b where %s)',
                ours.name, columns.given, con.confrelid::regclass, columns.pairs
            )
        else
            format(
                'select count(*) from (select from %s as a where %s group by %s having count(*) > 1) as doubled',
                ours.name, columns.given, columns.mine
            )
    end as statement
from ours
inner join pg_constraint as con on ours.oid = con.conrelid
left join columns on con.oid = columns.con
where
    con.convalidated
    and (
        (con.contype in ('f', 'p', 'u') and ours.is_root)
        or (con.contype = 'c' and con.coninhcount = 0 and (ours.is_root or con.conname like 'constraint\_%'))
    )
union all
-- num_nulls, because the planner takes "is null" of such a column for false.
select
    ours.name,
    'not null',
    format('select count(*) from %s where num_nulls(%s) > 0', ours.name, string_agg(quote_ident(att.attname), ', '))
from ours
inner join pg_attribute as att on ours.oid = att.attrelid
where ours.is_root and att.attnum > 0 and att.attnotnull and not att.attisdropped
group by ours.name
