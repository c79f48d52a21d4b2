-- Replication slots, and the bytes of WAL that each retains.
select
    slot_name::text as name,
    active,
    coalesce(wal_status, 'unknown') as state,
    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint as held
from pg_replication_slots
order by held desc
