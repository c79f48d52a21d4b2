-- What there is of the declared tables: kind, columns in their order, and the sequence of the column `id`, where it has one.
select
    c.relname::text as name,
    c.relkind::text as kind,
    (
        select array_agg(a.attname::text order by a.attnum)
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ) as columns,
    (
        select d.objid::pg_catalog.regclass::text
        from pg_catalog.pg_depend as d
        inner join pg_catalog.pg_attribute as a on d.refobjsubid = a.attnum and a.attrelid = c.oid and a.attname = 'id'
        where
            d.refobjid = c.oid
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            and d.deptype in ('a', 'i')
        limit 1
    ) as numbers
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = %(schema)s and c.relname = any(%(known)s::text[])
