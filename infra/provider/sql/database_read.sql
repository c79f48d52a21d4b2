-- The current database as it is: one JSON object.
select json_build_object(
    'owner', pg_get_userbyid(d.datdba),
    'schema_owner', (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'public'),
    'extensions', (
        select coalesce(json_object_agg(e.extname, json_build_object('installed', e.extversion, 'offered', a.default_version)), '{}')
        from pg_extension as e join pg_available_extensions as a on a.name = e.extname
    ),
    -- A null list of privileges is PostgreSQL's default, which lets everybody connect to a database.
    'public', (
        select coalesce(json_agg(privilege order by privilege), '[]') from (
            select format('%s on database %s', lower(a.privilege_type), o.datname)
            from pg_database as o, aclexplode(coalesce(o.datacl, acldefault('d', o.datdba))) as a
            where a.grantee = 0 and o.datname in (d.datname, 'postgres', 'template1')
            union all
            select format('%s on schema public', lower(a.privilege_type))
            from pg_namespace as n, aclexplode(n.nspacl) as a where n.nspname = 'public' and a.grantee = 0
            union all
            select format('%s on %s', lower(a.privilege_type), c.relname)
            from pg_class as c, aclexplode(c.relacl) as a
            where c.relnamespace = (select oid from pg_namespace where nspname = 'public') and a.grantee = 0
                -- What an extension brings (pg_stat_statements' views) it needs open.
                and not exists (select from pg_depend as x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')
        ) as open (privilege)
    ),
    'open_functions', (
        select coalesce(json_agg(distinct p.proname order by p.proname), '[]')
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where p.prokind in ('f', 'p')
            and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
            and case
                when n.nspname in ('pg_catalog', 'watch')
                    or exists (select from pg_depend as x where x.classid = 'pg_proc'::regclass and x.objid = p.oid and x.deptype = 'e') then
                    p.provolatile = 'v' and p.proname not in (select json_array_elements_text(:'open_functions'::json))
                    or p.proname in (select json_array_elements_text(:'closed_functions'::json))
                    or n.nspname = 'watch'
                -- What such a function reads is not audited.
                else p.prosecdef
            end
            and has_function_privilege('public', p.oid, 'execute')
    ),
    'watched', (
        select coalesce(json_agg(p.oid::regprocedure::text), '[]')
        from pg_proc as p
        where p.pronamespace = to_regnamespace('watch')
            and p.prosecdef and p.proconfig = '{"search_path=pg_catalog, pg_temp"}' and pg_get_userbyid(p.proowner) = 'christmas_watch'
    ),
    'settings', (
        select coalesce(json_agg(setting), '[]')
        from pg_db_role_setting as s, unnest(s.setconfig) as setting
        where s.setrole = 0 and s.setdatabase = d.oid and split_part(setting, '=', 1) <> 'timescaledb.restoring'
    )
)
from pg_database as d
where d.datname = current_database();
