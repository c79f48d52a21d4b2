-- Make a role exactly as declared, or take over the one that is there. Each query builds statements that \gexec then runs.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

select format('create role %I', :'name')
where not exists (select from pg_roles where rolname = :'name') \gexec

alter role :"name" with
    :login inherit nosuperuser nocreatedb nocreaterole noreplication :bypassrls
    connection limit :connection_limit
    valid until 'infinity';

select format('alter role %I password %L', :'name', :'verifier') where :'verifier' <> '' \gexec
select format('alter role %I password null', :'name') where :'login' = 'nologin' \gexec

-- Memberships: those that are not declared, or carry options, go; then what is missing comes.
select format('revoke %I from %I granted by %I cascade', g.rolname, :'name', by.rolname)
from pg_auth_members as m
join pg_roles as g on g.oid = m.roleid
join pg_roles as by on by.oid = m.grantor
join pg_roles as r on r.oid = m.member
where r.rolname = :'name'
    and (m.admin_option or not m.inherit_option or g.rolname not in (select json_array_elements_text(:'member_of'::json))) \gexec

select format('grant %I to %I', wanted, :'name')
from json_array_elements_text(:'member_of'::json) as wanted
where not exists (
    select from pg_auth_members as m
    join pg_roles as g on g.oid = m.roleid
    join pg_roles as r on r.oid = m.member
    where r.rolname = :'name' and g.rolname = wanted
) \gexec

-- Settings: exactly the declared ones, in no database others.
alter role :"name" reset all;
select format('alter role %I in database %I reset all', :'name', d.datname)
from pg_db_role_setting as s
join pg_roles as r on r.oid = s.setrole
join pg_database as d on d.oid = s.setdatabase
where r.rolname = :'name' \gexec
select format('alter role %I set %I = %L', :'name', key, value) from json_each_text(:'settings'::json) \gexec
commit;
