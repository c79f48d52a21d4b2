-- Every column of the platform's tables, as the blueprint writes types.
select relation.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod), not attribute.attnotnull
from pg_attribute as attribute
inner join pg_class as relation on attribute.attrelid = relation.oid
where
    relation.relnamespace = %s::text::regnamespace
    and relation.relkind in ('r', 'p')
    and attribute.attnum > 0
    and not attribute.attisdropped
