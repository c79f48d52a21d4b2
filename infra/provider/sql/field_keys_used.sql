-- How many sealed values each key has, by column, where the schema has encrypted fields: one JSON list.
select to_regprocedure('public.field_key_usage()') is not null as has_fields \gset
\if :has_fields
select coalesce(json_agg(json_build_object('field', field, 'number', key_number, 'values', row_count)), '[]')
from public.field_key_usage()
where key_number is not null;
\else
select '[]';
\endif
