-- Columns, keys and rules, indexes and triggers of the platform's tables and views, with their comments: what the data dictionary shows.
with ours as (
    select
        c.oid,
        c.relname::text as name,
        c.relkind
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm') and c.relname <> 'alembic_version'
        and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)

select
    'table' as kind, o.name, 0 as position, '' as item, case o.relkind when 'r' then 'table' else 'view' end as definition,
    coalesce(obj_description(o.oid, 'pg_class'), '') as note
from ours as o
union all
select
    'column', o.name, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || case when a.attidentity <> '' then ' identity' else coalesce(' default ' || pg_get_expr(f.adbin, f.adrelid), '') end,
    coalesce(col_description(o.oid, a.attnum), '')
from ours as o
join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_attrdef as f on f.adrelid = a.attrelid and f.adnum = a.attnum
union all
select 'rule', o.name, 0, k.conname::text, pg_get_constraintdef(k.oid, true), k.contype::text
from ours as o join pg_catalog.pg_constraint as k on k.conrelid = o.oid and k.contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index', o.name, 0, x.relname::text, regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', ''), case when i.indisunique then 'unique' else '' end
from ours as o
join pg_catalog.pg_index as i on i.indrelid = o.oid
join pg_catalog.pg_class as x on x.oid = i.indexrelid
union all
select 'trigger', o.name, 0, t.tgname::text, p.proname::text, coalesce(obj_description(p.oid, 'pg_proc'), '')
from ours as o
join pg_catalog.pg_trigger as t on t.tgrelid = o.oid and not t.tgisinternal and t.tgname not like 'ts\_%'
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
union all
select 'reference', o.name, 0, k.confrelid::regclass::text, k.confdeltype::text, (
    select string_agg(a.attname, ', ' order by u.position)
    from unnest(k.conkey) with ordinality as u (number, position)
    join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.number
)
from ours as o join pg_catalog.pg_constraint as k on k.conrelid = o.oid and k.contype = 'f';
