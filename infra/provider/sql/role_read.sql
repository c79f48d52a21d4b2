-- A role as it is, one JSON object; no row where there is none. The verifier is compared in the provider and goes no further.
select json_build_object(
    'login', r.rolcanlogin,
    'inherit', r.rolinherit,
    'superuser', r.rolsuper,
    'createdb', r.rolcreatedb,
    'createrole', r.rolcreaterole,
    'replication', r.rolreplication,
    'bypassrls', r.rolbypassrls,
    'connection_limit', r.rolconnlimit,
    'expires', coalesce(r.rolvaliduntil <> 'infinity', false),
    'verifier', r.rolpassword,
    'member_of', (
        select coalesce(json_agg(json_build_object('role', g.rolname, 'admin', m.admin_option, 'inherit', m.inherit_option)), '[]')
        from pg_auth_members as m join pg_roles as g on g.oid = m.roleid
        where m.member = r.oid
    ),
    'holds', (
        select coalesce(json_agg(distinct coalesce(d.datname, 'postgres')), '[]')
        from pg_shdepend as s left join pg_database as d on d.oid = s.dbid
        where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype in ('a', 'o')
    ),
    'settings', (
        select coalesce(json_agg(json_build_object('database', d.datname, 'settings', s.setconfig)), '[]')
        from pg_db_role_setting as s left join pg_database as d on d.oid = s.setdatabase
        where s.setrole = r.oid
    )
)
from pg_authid as r
where r.rolname = :'name';
