-- B-tree indexes of the platform's tables and chunks: each is compared with its table, row by row, by amcheck.
select bt_index_check(index.indexrelid::regclass, true)
from pg_index as index
inner join pg_class as relation on index.indexrelid = relation.oid
inner join pg_am as method on relation.relam = method.oid
where
    method.amname = 'btree'
    and relation.relkind = 'i'
    and relation.relnamespace in ('public'::regnamespace, to_regnamespace('_timescaledb_internal'))
