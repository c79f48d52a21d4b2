-- What a role was granted itself (not through memberships) in this database and one schema: one JSON object. `*` marks a grant option.
with grantee as (select oid from pg_roles where rolname = :'role'),
     space as (select oid, nspacl from pg_namespace where nspname = :'schema')
select json_build_object(
    'exists', exists (select from grantee),
    'database', (
        select coalesce(json_agg(lower(a.privilege_type) || case when a.is_grantable then '*' else '' end), '[]')
        from pg_database as d, aclexplode(d.datacl) as a
        where d.datname = current_database() and a.grantee = (select oid from grantee)
    ),
    'schema', (
        select coalesce(json_agg(lower(a.privilege_type) || case when a.is_grantable then '*' else '' end), '[]')
        from space, aclexplode(space.nspacl) as a where a.grantee = (select oid from grantee)
    ),
    'defaults', (
        select coalesce(json_agg(json_build_object('owner', pg_get_userbyid(p.defaclrole), 'schema', n.nspname, 'objects', p.defaclobjtype)), '[]')
        from pg_default_acl as p left join pg_namespace as n on n.oid = p.defaclnamespace
        where exists (select from aclexplode(p.defaclacl) as a where a.grantee = (select oid from grantee) and a.grantee <> p.defaclrole)
    ),
    -- Functions of PostgreSQL and its extensions by their plain names, the platform's own with their schema.
    'functions', (
        select coalesce(json_agg(distinct case
            when n.nspname = 'watch' or (n.nspname = :'schema' and e.objid is null) then n.nspname || '.' else '' end || p.proname), '[]')
        from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        left join pg_depend as e on e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
        cross join aclexplode(p.proacl) as a
        where a.grantee = (select oid from grantee) and a.grantee <> p.proowner and a.privilege_type = 'EXECUTE'
            and (:'role' <> :'owner' or n.nspname in ('pg_catalog', 'watch'))
            and (n.nspname in ('pg_catalog', 'watch', :'schema') or e.objid is not null)
    ),
    'own_functions', (
        select coalesce(json_agg(distinct :'schema' || '.' || p.proname), '[]')
        from pg_proc as p where p.pronamespace = (select oid from space)
    ),
    'unread', (
        select coalesce(json_agg(case when n.nspname = :'schema' then c.relname else c.oid::regclass::text end), '[]')
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            and not has_table_privilege(grantee_of.oid, c.oid, 'select')
    ),
    -- Tables and sequences of other schemas; chunks have what their hypertable has.
    'elsewhere', (
        select coalesce(json_agg(distinct c.oid::regclass::text), '[]')
        from pg_shdepend as s
        join pg_class as c on s.classid = 'pg_class'::regclass and s.objid = c.oid
        join pg_namespace as n on n.oid = c.relnamespace
        where s.deptype = 'a' and s.dbid = (select oid from pg_database where datname = current_database())
            and s.refobjid = (select oid from grantee) and n.nspname not in (:'schema', '_timescaledb_internal')
    ),
    'superuser', (select rolname from pg_roles where oid = 10),
    'tables', (
        select coalesce(json_agg(json_build_object(
            'table', c.relname,
            'privileges', (
                select coalesce(json_agg(lower(a.privilege_type) || case when a.is_grantable then '*' else '' end), '[]')
                from aclexplode(c.relacl) as a where a.grantee = (select oid from grantee)
            ),
            'columns', (
                select coalesce(json_agg(format('%s (%s)', lower(a.privilege_type) || case when a.is_grantable then '*' else '' end, t.attname)), '[]')
                from pg_attribute as t, aclexplode(t.attacl) as a
                where t.attrelid = c.oid and not t.attisdropped and a.grantee = (select oid from grantee)
            ),
            'sequences', (
                select coalesce(json_agg(json_build_object('sequence', s.relname, 'privileges', (
                    select coalesce(json_agg(lower(a.privilege_type) || case when a.is_grantable then '*' else '' end), '[]')
                    from aclexplode(s.relacl) as a where a.grantee = (select oid from grantee)
                ))), '[]')
                from pg_depend as d join pg_class as s on s.oid = d.objid and s.relkind = 'S'
                where d.refobjid = c.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
            )
        ) order by c.relname), '[]')
        from pg_class as c
        where c.relnamespace = (select oid from space) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    )
)
from (select (select oid from grantee) as oid) as grantee_of;
