-- Every table and view of a schema, with the sequences that number its rows (serial and identity columns): one JSON object.
select coalesce(json_object_agg(c.relname, (
    select coalesce(json_agg(s.relname), '[]')
    from pg_depend as d join pg_class as s on s.oid = d.objid and s.relkind = 'S'
    where d.refobjid = c.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
)), '{}')
from pg_class as c
where c.relnamespace = (select oid from pg_namespace where nspname = %(schema)s) and c.relkind in ('r', 'p', 'v', 'm', 'f');
