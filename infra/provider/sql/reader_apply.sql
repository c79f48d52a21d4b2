-- SELECT on everything that keeps rows in every schema that is not PostgreSQL's or an extension's own, now and later: what a role needs that
-- backs the database up. pg_read_all_data would let it read the verifiers of passwords too.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

select format('grant usage on schema %I to %I', n.nspname, :'role')
from pg_namespace as n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not has_schema_privilege(:'role', n.oid, 'usage') \gexec

select format('grant select on %s to %I', c.oid::regclass, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not has_table_privilege(:'role', c.oid, 'select') \gexec

select format('grant select on sequence %s to %I', c.oid::regclass, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'S'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not has_table_privilege(:'role', c.oid, 'select') \gexec

-- Large objects have no other way in; nobody but a superuser can make one.
grant select on pg_catalog.pg_largeobject to :"role";

select format('alter default privileges for role %I grant %s to %I', r.rolname, what, :'role')
from pg_roles as r, unnest(array['select on tables', 'select on sequences', 'usage on schemas']) as what
-- The first superuser has this number in every cluster.
where r.oid = 10 or r.rolname = :'owner' \gexec
commit;
