-- Let nobody in any more as this role, and show out who is.
select format('alter role %I nologin password null', :'name')
where exists (select from pg_roles where rolname = :'name') \gexec
select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = :'name' \g /dev/null
