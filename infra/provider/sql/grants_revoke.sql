-- Whatever a role was granted in this database by name on tables, sequences, schemas and functions; with `beyond`, only what is neither in that
-- schema nor a chunk nor a function. Objects that it owns stay.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

select format('revoke all on %s %s from %I cascade', told.kind, told.name, :'role')
from (
    select case c.relkind when 'S' then 'sequence' else 'table' end as kind, c.oid::regclass::text as name, n.nspname as space
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where exists (select from pg_shdepend as s where s.classid = 'pg_class'::regclass and s.objid = c.oid
        and s.deptype = 'a' and s.dbid = (select oid from pg_database where datname = current_database())
        and s.refobjid = (select oid from pg_roles where rolname = :'role'))
    union all
    select 'schema', quote_ident(n.nspname), n.nspname
    from pg_namespace as n
    where exists (select from aclexplode(n.nspacl) as a where a.grantee = (select oid from pg_roles where rolname = :'role') and a.grantee <> n.nspowner)
    union all
    select 'routine', p.oid::regprocedure::text, 'pg_proc'
    from pg_proc as p
    where exists (select from aclexplode(p.proacl) as a where a.grantee = (select oid from pg_roles where rolname = :'role') and a.grantee <> p.proowner)
) as told
where :'beyond' = '' or told.space not in (:'beyond', '_timescaledb_internal', 'watch', 'pg_proc') \gexec

-- What an extension brought while default privileges named the role is noted in a place that no REVOKE reaches. Only for a role that owns nothing,
-- of which this drops nothing.
select format('drop owned by %I', r.rolname)
from pg_roles as r
where r.rolname = :'role' and :'beyond' = '' and not exists (
    select from pg_shdepend as s
    where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o'
        and s.dbid in (0, (select oid from pg_database where datname = current_database()))
) \gexec
commit;
