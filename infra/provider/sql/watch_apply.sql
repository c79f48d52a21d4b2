-- What account `monitor` has to know of others' sessions and statements, without a word of what they said. The functions belong to a role
-- that nobody logs in as; it may see statistics, and no row of any table. docs/adr/0012.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null

select 'create role christmas_watch' where not exists (select from pg_roles where rolname = 'christmas_watch') \gexec
alter role christmas_watch with nologin inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls password null;
grant pg_read_all_stats, pg_read_all_settings to christmas_watch;
create schema if not exists watch;
alter schema watch owner to christmas_watch;
revoke all on schema watch from public;
grant usage on schema public to christmas_watch;

create or replace function watch.sessions()
returns table (pid integer, account text, address text, is_busy boolean, transaction_seconds float8, statement_seconds float8)
language sql stable security definer
set search_path to pg_catalog, pg_temp
begin atomic
    select
        a.pid,
        a.usename::text,
        coalesce(pg_catalog.host(a.client_addr), 'the server itself'),
        a.state = 'active',
        extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8,
        case when a.state = 'active' then extract(epoch from pg_catalog.clock_timestamp() - a.query_start)::float8 end
    from pg_catalog.pg_stat_activity as a
    where a.backend_type = 'client backend';
end;

-- A statement's shape is its text without constants, parameters and layout (monitor/advice.py): who asks has to know it already, and a
-- value can't be asked for.
create or replace function watch.statement_figures(shapes text[])
returns table (shape text, calls bigint, pages float8, milliseconds float8)
language sql stable security definer
set search_path to pg_catalog, pg_temp
-- A body of text: one that is parsed would keep pg_stat_statements from being updated.
as $watch$
    select
        said.shape,
        sum(said.calls)::bigint,
        (sum(said.shared_blks_hit + said.shared_blks_read) / sum(said.calls))::float8,
        (sum(said.total_exec_time) / sum(said.calls))::float8
    from (
        select
            s.*,
            lower(
                regexp_replace(
                    btrim(
                        regexp_replace(
                            regexp_replace(s.query, $re$'(?:[^']|'')*'|%\(\w+\)s|\$\d+|\m\d+(?:\.\d+)?\M$re$, '?', 'g'),
                            '\s+', ' ', 'g'
                        )
                    ),
                    '\s*([(),])\s*', '\1', 'g'
                )
            ) as shape
        from public.pg_stat_statements as s
        where s.dbid = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
    ) as said
    where said.shape = any (shapes)
    group by said.shape, said.queryid
$watch$;

-- Names of settings that come from elsewhere than the file that `up` writes, and of those that wait for a restart. Values stay untold:
-- what is set by hand may be a connection with a password. A restore leaves where it ended in the file of ALTER SYSTEM.
create or replace function watch.settings_by_hand()
returns table (name text, origin text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
begin atomic
    select s.name, case when s.pending_restart then 'waits for a restart' else 'set by alter system' end
    from pg_catalog.pg_settings as s
    where s.pending_restart
        or (s.sourcefile like '%/postgresql.auto.conf' and s.name <> 'restore_command' and s.name not like 'recovery\_target%')
    union all
    select split_part(setting, '=', 1), concat('set for ', coalesce('database ' || d.datname, 'everybody'))
    from pg_catalog.pg_db_role_setting as r
    cross join unnest(r.setconfig) as setting
    left join pg_catalog.pg_database as d on r.setdatabase = d.oid
    where r.setrole = 0 and setting not like 'timescaledb.restoring=%';
end;

alter function watch.settings_by_hand() owner to christmas_watch;
alter function watch.sessions() owner to christmas_watch;
alter function watch.statement_figures(text[]) owner to christmas_watch;
revoke all on all functions in schema watch from public;
commit;
