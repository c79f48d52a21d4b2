-- What the log from :since on names, from PostgreSQL's own summaries of it. A summary ends where a checkpoint begins, so one is made, and the
-- summaries that reach it are waited for.
set statement_timeout = '5min';
checkpoint;
set statement_timeout = '1min';
do $$
begin
    for attempt in 1..200 loop
        exit when exists (select from pg_available_wal_summaries() where end_lsn >= (select redo_lsn from pg_control_checkpoint()));
        perform pg_sleep(0.1);
    end loop;
end
$$;
with summaries as (
    select tli, start_lsn, end_lsn
    from pg_available_wal_summaries()
    where
        end_lsn > :'since'::pg_lsn
        and tli = ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
),

-- File number 0 stands for all files of the database; database 0 has what all databases share.
named as (
    select distinct named.relfilenode::bigint as node
    from summaries
    cross join lateral pg_wal_summary_contents(summaries.tli, summaries.start_lsn, summaries.end_lsn) as named
    where named.reldatabase in (0, (select oid from pg_database where datname = :'database'))
)

select json_build_object(
    'system_id', (select system_identifier::text from pg_control_system()),
    'timeline', ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
    'summaries', (select coalesce(json_agg(json_build_array(start_lsn::text, end_lsn::text) order by start_lsn), '[]') from summaries),
    'named', (select coalesce(json_agg(node), '[]') from named)
);
