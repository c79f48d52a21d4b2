-- Ascending sequences: the last number, and the maximum of the sequence and its column.
select
    coalesce(owned.name, s.schemaname || '.' || s.sequencename) as name,
    s.last_value,
    least(
        s.max_value,
        case owned.kind
            when 'smallint'::regtype then 32767
            when 'integer'::regtype then 2147483647
            else 9223372036854775807
        end
    ) as greatest_number
from pg_sequences as s
left join lateral (
    select
        relation.relname || '.' || attribute.attname as name,
        attribute.atttypid as kind
    from pg_depend as d
    inner join pg_class as relation on d.refobjid = relation.oid
    inner join pg_attribute as attribute on d.refobjid = attribute.attrelid and d.refobjsubid = attribute.attnum
    where
        d.classid = 'pg_class'::regclass
        and d.objid = format('%%I.%%I', s.schemaname, s.sequencename)::regclass
        and d.deptype in ('a', 'i')
        and d.refobjsubid > 0
) as owned on true
where s.increment_by > 0 and not s.cycle and s.schemaname = %s and s.last_value is not null
order by 1
