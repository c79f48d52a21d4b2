-- Exactly the declared of the functions that are closed to everybody. What TimescaleDB's the owner may run comes with the database.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

create temporary table mine on commit drop as
select
    p.oid::regprocedure as signature,
    case when n.nspname = 'watch' then 'watch.' else '' end || p.proname as name,
    exists (
        select from aclexplode(p.proacl) as a
        where a.grantee = (select oid from pg_roles where rolname = :'role') and a.grantee <> p.proowner
    ) as is_granted
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
where (:'role' <> :'owner' or n.nspname in ('pg_catalog', 'watch'))
    and (n.nspname in ('pg_catalog', 'watch')
        or exists (select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'));

select format('revoke all on routine %s from %I cascade', signature, :'role')
from mine
where is_granted and name not in (select json_array_elements_text(:'functions'::json)) \gexec
select format('grant execute on routine %s to %I', signature, :'role')
from mine
where not is_granted and name in (select json_array_elements_text(:'functions'::json)) \gexec
select format('grant usage on schema watch to %I', :'role')
where exists (select from json_array_elements_text(:'functions'::json) as f where f like 'watch.%') \gexec
commit;
