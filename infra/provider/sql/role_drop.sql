-- Fails where objects or privileges depend on the role.
select format('drop role %I', :'name')
where exists (select from pg_roles where rolname = :'name') \gexec
