-- Which of the functions that may change something this account may run, without running one. PostgreSQL asks for the right when a statement
-- begins, and each of these has no row to call its function for. Functions that SQL can't call are looked up in the list of rights.
-- A call with a NULL would be dropped from the plan before anybody is asked, so that arguments are columns of the row that isn't there.
do $proof$
declare
    each record;
    call text;
    allowed boolean;
    problem text;
    said text[] := '{}';
begin
    for each in
        select
            p.oid,
            p.proname::text as name,
            n.nspname::text as space,
            p.prokind,
            p.provariadic <> 0 as is_variadic,
            coalesce((
                select e.extname::text from pg_catalog.pg_depend as d
                inner join pg_catalog.pg_extension as e on d.refobjid = e.oid
                where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
            ), '') as extension,
            (
                select pg_catalog.array_agg(
                    case a.type
                        when 'pg_catalog.anyelement'::pg_catalog.regtype then 'integer'
                        when 'pg_catalog.anynonarray'::pg_catalog.regtype then 'integer'
                        when 'pg_catalog.anycompatible'::pg_catalog.regtype then 'integer'
                        when 'pg_catalog."any"'::pg_catalog.regtype then 'integer'
                        when 'pg_catalog.anyarray'::pg_catalog.regtype then 'integer[]'
                        when 'pg_catalog.anycompatiblearray'::pg_catalog.regtype then 'integer[]'
                        when 'pg_catalog.anyrange'::pg_catalog.regtype then 'pg_catalog.int4range'
                        when 'pg_catalog.anymultirange'::pg_catalog.regtype then 'pg_catalog.int4multirange'
                        else pg_catalog.format_type(a.type, null)
                    end order by a.place
                )
                from pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) with ordinality as a (type, place)
            ) as types,
            exists (
                select from pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) as a (type)
                inner join pg_catalog.pg_type as t on t.oid = a.type
                where t.typtype = 'p' and t.typname not in (
                    'anyelement', 'anynonarray', 'anycompatible', 'any', 'anyarray', 'anycompatiblearray', 'anyrange', 'anymultirange'
                )
            ) as is_internal
        from pg_catalog.pg_proc as p
        inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
        where p.prokind in ('f', 'p')
            and p.prorettype not in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
            and n.nspname not like 'pg\_temp%'
            and (
                p.provolatile = 'v'
                or n.nspname = 'watch'
                or case when n.nspname = 'public' then 'public.' else '' end || p.proname
                = any (pg_catalog.string_to_array(pg_catalog.current_setting('christmas.named'), ' '))
            )
    loop
        allowed := null;
        problem := '';
        if each.prokind = 'p' or each.is_internal then
            allowed := pg_catalog.has_function_privilege(each.oid, 'execute')
                and pg_catalog.has_schema_privilege(each.space, 'usage');
            problem := 'listed';
        else
            call := pg_catalog.format(
                'select %I.%I(%s) from (select %s from pg_catalog.pg_class where oid = 0 offset 0) as nothing',
                each.space,
                each.name,
                (
                    select pg_catalog.string_agg(
                        case when each.is_variadic and place = pg_catalog.cardinality(each.types) and type like '%[]' then 'variadic ' else '' end
                        || 'x' || place, ', ' order by place
                    )
                    from pg_catalog.unnest(each.types) with ordinality as a (type, place)
                ),
                (
                    select coalesce(pg_catalog.string_agg('null::' || type || ' as x' || place, ', ' order by place), '1 as x')
                    from pg_catalog.unnest(each.types) with ordinality as a (type, place)
                )
            );
            begin
                execute call;
                allowed := true;
            exception
                when insufficient_privilege then allowed := false;
                when others then problem := sqlstate;
            end;
        end if;
        said := said || pg_catalog.jsonb_build_object(
            'name', case when each.space in ('watch', 'public') and each.extension = '' then each.space || '.' else '' end || each.name,
            'extension', each.extension,
            'schema', each.space,
            'allowed', allowed,
            'problem', problem
        )::text;
    end loop;
    perform pg_catalog.set_config('christmas.found', '[' || pg_catalog.array_to_string(said, ',') || ']', false);
end
$proof$;
