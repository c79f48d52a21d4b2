-- Functions that everybody may run: those that may change something and are not in the list, and those that are closed though they are
-- called stable. The platform's own are closed one by one, so they are among these, and none that watches is for everybody, nor one that runs
-- with its owner's rights: what it reads is not audited (docs/adr/0022).
select distinct n.nspname || '.' || p.proname as name
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where
    p.prokind in ('f', 'p')
    and p.prorettype not in ('trigger'::pg_catalog.regtype, 'event_trigger'::pg_catalog.regtype)
    and (
        p.provolatile = 'v' and p.proname <> all(%(open)s::text[])
        or p.proname = any(%(closed)s::text[])
        or n.nspname = 'watch'
        or p.prosecdef and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
        )
    )
    and n.nspname not like 'pg\_temp%%'
    and pg_catalog.has_function_privilege('public', p.oid, 'execute')
order by name
