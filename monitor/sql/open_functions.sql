-- Functions that everybody may run: those that may change something and are not in the list, and those that are closed though they are
-- called stable. The platform's own are closed one by one, so they are among these, and none that watches is for everybody.
select distinct n.nspname || '.' || p.proname as name
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where
    p.prokind in ('f', 'p')
    and p.prorettype not in ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype)
    and (p.provolatile = 'v' and p.proname <> all(%(open)s::text[]) or p.proname = any(%(closed)s::text[]) or n.nspname = 'watch')
    and n.nspname not like 'pg\_temp%%'
    and pg_catalog.has_function_privilege('public', p.oid, 'execute')
order by name
