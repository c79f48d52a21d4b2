-- Every valid index with its columns in order, and whether it is unique or the primary key.
select
    relation.relname,
    index_relation.relname,
    key.indisunique,
    key.indisprimary,
    array(
        select attribute.attname::text
        from unnest(key.indkey::smallint[]) with ordinality as part (number, position)
        inner join pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum = part.number
        order by part.position
    )
from pg_index as key
inner join pg_class as relation on key.indrelid = relation.oid
inner join pg_class as index_relation on key.indexrelid = index_relation.oid
where relation.relnamespace = %s::text::regnamespace and key.indisvalid
