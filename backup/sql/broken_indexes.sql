-- Indexes that PostgreSQL itself does not trust.
select 'index ' || index.indexrelid::regclass
from pg_index as index
inner join pg_class as relation on index.indexrelid = relation.oid
where (not index.indisvalid or not index.indisready) and relation.relpersistence <> 't'
order by 1
