-- Tables, views and sequences of no extension, in schemas that are neither PostgreSQL's nor TimescaleDB's, and not among those named.
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, c.relkind::text as kind
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^(pg_|_?timescaledb_|information_schema$)'
    and not (n.nspname = %(schema)s and c.relname = any(%(known)s::text[]))
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by name
