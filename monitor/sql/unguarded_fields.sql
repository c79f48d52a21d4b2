-- Those of the given columns on which no validated CHECK demands what sealed values begin with.
select
    wanted.table_name,
    wanted.column_name
from unnest(%(tables)s::text[], %(columns)s::text[]) as wanted (table_name, column_name)
where not exists (
    select
    from pg_catalog.pg_constraint as c
    inner join pg_catalog.pg_attribute as a on c.conrelid = a.attrelid and a.attnum = any(c.conkey)
    where
        c.contype = 'c'
        and c.convalidated
        and c.conrelid = pg_catalog.to_regclass('public.' || pg_catalog.quote_ident(wanted.table_name))
        and a.attname = wanted.column_name
        and pg_catalog.pg_get_constraintdef(c.oid) ilike '%%substring(' || wanted.column_name || ' from 1 for 2) = ''\\xc101''::bytea%%'
);
