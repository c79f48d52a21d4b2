-- The schema is its owner's, and nothing in it is for everybody.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null
alter schema public owner to :"owner";
revoke all on schema public from public;
-- What an extension brings (pg_stat_statements' views) it needs open.
select format('revoke all on %s %I.%I from public', case c.relkind when 'S' then 'sequence' else 'table' end, 'public', c.relname)
from pg_class as c
where c.relnamespace = (select oid from pg_namespace where nspname = 'public')
    and exists (select from aclexplode(c.relacl) as a where a.grantee = 0)
    and not exists (select from pg_depend as x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e') \gexec
commit;
