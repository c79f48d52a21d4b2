-- Constraints that are declared but were never checked against the rows that are there.
select conrelid::regclass::text, conname from pg_constraint where not convalidated
