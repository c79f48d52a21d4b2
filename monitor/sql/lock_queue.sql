-- Sessions that wait for a lock: seconds, object, and blocking processes.
select
    waiting.pid,
    coalesce(extract(epoch from clock_timestamp() - min(waiting.waitstart)), 0)::float8 as seconds,
    coalesce(min(waiting.relation::regclass::text), min(waiting.locktype)) as thing,
    pg_blocking_pids(waiting.pid) as blockers
from pg_locks as waiting
where not waiting.granted
group by waiting.pid
