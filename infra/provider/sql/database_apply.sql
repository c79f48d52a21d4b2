-- Owner, settings, and no database open to everybody.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null
alter database :"name" owner to :"owner";
revoke all on database :"name", postgres, template1 from public;

-- `timescaledb.restoring` belongs to a restore that is under way.
select format('alter database %I reset %I', :'name', split_part(setting, '=', 1))
from pg_db_role_setting as s, unnest(s.setconfig) as setting
where s.setrole = 0
    and s.setdatabase = (select oid from pg_database where datname = :'name')
    and split_part(setting, '=', 1) <> 'timescaledb.restoring'
    and lower(split_part(setting, '=', 1)) not in (select lower(key) from json_each_text(:'settings'::json)) \gexec
select format('alter database %I set %I = %L', :'name', key, value) from json_each_text(:'settings'::json) \gexec
commit;
