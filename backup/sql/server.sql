-- What a manifest says about the server; the revision's table is missing before the first migration.
select
    current_setting('server_version') as postgresql,
    (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
    current_setting('timescaledb.license', true) as license,
    to_regclass('public.alembic_version') is not null as migrated
