-- Exactly the declared of the functions that are closed to everybody, and of the schema's own. Those that a migration has yet to make are
-- granted by it. What TimescaleDB's the owner may run comes with the database.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

create temporary table mine on commit drop as
select
    p.oid::regprocedure as signature,
    case when n.nspname = 'watch' or (n.nspname = :'schema' and e.objid is null) then n.nspname || '.' else '' end || p.proname as name,
    exists (
        select from aclexplode(p.proacl) as a
        where a.grantee = (select oid from pg_roles where rolname = :'role') and a.grantee <> p.proowner
    ) as is_granted
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
left join pg_depend as e on e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
where (:'role' <> :'owner' or n.nspname in ('pg_catalog', 'watch'))
    and (n.nspname in ('pg_catalog', 'watch', :'schema') or e.objid is not null);

select format('revoke all on routine %s from %I cascade', signature, :'role')
from mine
where is_granted and name not in (select json_array_elements_text(:'functions'::json)) \gexec
select format('grant execute on routine %s to %I', signature, :'role')
from mine
where not is_granted and name in (select json_array_elements_text(:'functions'::json)) \gexec
select format('grant usage on schema watch to %I', :'role')
where exists (select from json_array_elements_text(:'functions'::json) as f where f like 'watch.%') \gexec
commit;
