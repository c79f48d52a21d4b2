-- Every role but PostgreSQL's own and the server's own user: as infra/provider/sql/role_read.sql, without verifiers.
select
    r.rolname::text as name,
    json_build_object(
        'login', r.rolcanlogin,
        'inherit', r.rolinherit,
        'superuser', r.rolsuper,
        'createdb', r.rolcreatedb,
        'createrole', r.rolcreaterole,
        'replication', r.rolreplication,
        'bypassrls', r.rolbypassrls,
        'connection_limit', r.rolconnlimit,
        'expires', coalesce(r.rolvaliduntil <> 'infinity', false),
        'member_of', (
            select coalesce(json_agg(json_build_object('role', g.rolname, 'admin', m.admin_option, 'inherit', m.inherit_option)), '[]')
            from pg_catalog.pg_auth_members as m
            inner join pg_catalog.pg_roles as g on m.roleid = g.oid
            where m.member = r.oid
        ),
        'holds', (
            select coalesce(json_agg(distinct coalesce(d.datname, 'postgres')), '[]')
            from pg_catalog.pg_shdepend as s
            left join pg_catalog.pg_database as d on s.dbid = d.oid
            where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.refobjid = r.oid and s.deptype in ('a', 'o')
        ),
        'settings', (
            select coalesce(json_agg(json_build_object('database', d.datname, 'settings', s.setconfig)), '[]')
            from pg_catalog.pg_db_role_setting as s
            left join pg_catalog.pg_database as d on s.setdatabase = d.oid
            where s.setrole = r.oid
        )
    ) as attributes
from pg_catalog.pg_roles as r
where r.rolname <> 'postgres' and r.rolname not like 'pg\_%'
order by r.rolname
