-- SELECT on everything that keeps rows in every schema that is not PostgreSQL's or an extension's own, now and later: what a role needs that
-- backs the database up. pg_read_all_data would let it read the verifiers of passwords too. What can't be granted is passed over, so that one
-- object doesn't keep the others unread; the comparison of grants tells it.
-- A trigger that refuses DDL is no reason to fail.
select set_config(name, 'off', false) from pg_settings where name = 'event_triggers' \g /dev/null
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null
select set_config('christmas.reader', :'role', true), set_config('christmas.owner', :'owner', true) \g /dev/null
do $$
declare
    reader name := current_setting('christmas.reader');
    statement text;
begin
    for statement in
        select format('grant usage on schema %I to %I', n.nspname, reader)
        from pg_namespace as n
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not has_schema_privilege(reader, n.oid, 'usage')
        union all
        select format('grant select on %s%s to %I', case c.relkind when 'S' then 'sequence ' else '' end, c.oid::regclass, reader)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            and not has_table_privilege(reader, c.oid, 'select')
        union all
        -- Large objects have no other way in; nobody but a superuser can make one.
        select format('grant select on pg_catalog.pg_largeobject to %I', reader)
        where not has_table_privilege(reader, 'pg_catalog.pg_largeobject', 'select')
        union all
        -- The first superuser has this number in every cluster.
        select format('alter default privileges for role %I grant %s to %I', r.rolname, what, reader)
        from pg_roles as r, unnest(array['select on tables', 'select on sequences', 'usage on schemas']) as what
        where r.oid = 10 or r.rolname = current_setting('christmas.owner')
    loop
        begin
            execute statement;
        exception
            when others then null;
        end;
    end loop;
end
$$;
commit;
