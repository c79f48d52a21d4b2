-- Sessions that wait for a lock: for how many seconds, on what, and the processes that they wait for.
select
    waiting.pid,
    coalesce(extract(epoch from clock_timestamp() - min(waiting.waitstart)), 0)::float8 as seconds,
    coalesce(min(waiting.relation::regclass::text), min(waiting.locktype)) as thing,
    pg_blocking_pids(waiting.pid) as blockers
from pg_locks as waiting
where not waiting.granted
group by waiting.pid
