-- Rows written so far, by table; a chunk's count as its hypertable's.
select
    coalesce(k.hypertable_name::text, s.relname::text) as name,
    sum(s.n_tup_ins)::bigint as inserted,
    sum(s.n_tup_upd)::bigint as updated,
    sum(s.n_tup_del)::bigint as deleted
from pg_catalog.pg_stat_user_tables as s
left join timescaledb_information.chunks as k on k.chunk_schema = s.schemaname and k.chunk_name = s.relname
where s.schemaname = 'public' or k.hypertable_name is not null
group by 1
