-- What audit_people.sql made, also that of a run that was ended before it could.
delete from public.users
where username like 'bench-audit-%';
