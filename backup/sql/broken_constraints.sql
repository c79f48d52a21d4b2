-- Constraints that are declared but were never checked against the rows that are there.
select 'constraint ' || quote_ident(conname) || coalesce(' of ' || nullif(conrelid, 0)::regclass, '')
from pg_constraint
where not convalidated
order by 1
