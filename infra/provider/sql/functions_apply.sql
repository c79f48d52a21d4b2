-- Of the functions that may change something everybody runs those in the list (christmas/blueprint/postgres_bounds.py) and no other.
-- What the extensions bring is run by the schema's owner; what runs with its owner's rights, by nobody without a grant.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

create temporary table closed on commit drop as
select p.oid::regprocedure as signature, n.nspname <> 'pg_catalog' as is_extensions
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
left join pg_depend as e on e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
where p.prokind in ('f', 'p')
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and case
        when n.nspname = 'pg_catalog' or e.objid is not null then
            p.provolatile = 'v' and p.proname not in (select json_array_elements_text(:'open_functions'::json))
            or p.proname in (select json_array_elements_text(:'closed_functions'::json))
        else p.prosecdef
    end;

select format('revoke execute on routine %s from public', c.signature)
from closed as c
where has_function_privilege('public', c.signature, 'execute') \gexec

-- pg_stat_statements_reset and its like were never everybody's, so they are nobody's here either.
select format('grant execute on routine %s to %I', c.signature, :'owner')
from closed as c
where c.is_extensions
    and not has_function_privilege(:'owner', c.signature, 'execute')
    and exists (
        select from pg_depend as d join pg_extension as e on d.refobjid = e.oid
        where d.classid = 'pg_proc'::regclass and d.objid = c.signature and d.deptype = 'e' and e.extname = 'timescaledb'
    ) \gexec
commit;
