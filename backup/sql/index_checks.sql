-- Each B-tree index that the server trusts is compared with its table, row by row, by amcheck; what can't be compared is told, not the end.
-- A trigger that refuses DDL is no reason to fail. The last line of the answer is a JSON list: of each index its name, the SQLSTATE of what was wrong, and the message; both empty where nothing was.
-- The database's limits of time came along with it, and comparing takes hours in a big one.
select set_config(name, 'off', false) from pg_settings where name = 'event_triggers';
select set_config(name, '0', false) from pg_settings where name in ('statement_timeout', 'transaction_timeout');
create extension if not exists amcheck schema pg_catalog;
create temporary table found (name text, state text, told text);
do $$
declare
    each record;
    -- Where somebody had it before, it is called there: no other function of its name is looked for.
    home name := (select n.nspname from pg_extension as e inner join pg_namespace as n on e.extnamespace = n.oid where e.extname = 'amcheck');
begin
    for each in
        select index.indexrelid::regclass as name
        from pg_index as index
        inner join pg_class as relation on index.indexrelid = relation.oid
        inner join pg_am as method on relation.relam = method.oid
        inner join pg_namespace as space on relation.relnamespace = space.oid
        where
            method.amname = 'btree'
            and relation.relkind = 'i'
            and relation.relpersistence = 'p'
            and index.indisvalid and index.indisready and index.indislive
            and space.nspname not like 'pg\_%'
            and space.nspname <> 'information_schema'
    loop
        begin
            execute format('select %I.bt_index_check($1, true)', home) using each.name;
            insert into found values (each.name::text, '', '');
        exception
            when others then insert into found values (each.name::text, sqlstate, sqlerrm);
        end;
    end loop;
end
$$;
select coalesce(json_agg(json_build_array(name, state, told) order by name), '[]') from found;
