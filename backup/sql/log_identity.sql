-- Which log this is: of which cluster, timeline and database, by which PostgreSQL, and whether it is being summarized.
select
    system_identifier::text as system_id,
    ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int as timeline,
    (select oid::bigint from pg_database where datname = current_database()) as database,
    current_setting('server_version') as version,
    coalesce(current_setting('summarize_wal', true) = 'on', false) as summarized
from pg_control_system()
