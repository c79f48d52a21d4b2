-- A table's columns, as its rows have them.
select attname::text
from pg_attribute
where attrelid = %s::oid and attnum > 0 and not attisdropped
order by attnum
