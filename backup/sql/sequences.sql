-- The last value of every sequence that was used, never starts over and outlives a crash; and whether it counts down.
select
    sequence.schemaname::text as schema_name,
    sequence.sequencename::text as sequence_name,
    sequence.last_value,
    sequence.increment_by < 0 as is_falling
from pg_sequences as sequence
inner join pg_namespace as space on sequence.schemaname = space.nspname
inner join pg_class as relation on space.oid = relation.relnamespace and sequence.sequencename = relation.relname
where
    sequence.last_value is not null
    and not sequence.cycle
    and relation.relpersistence = 'p'
    and not exists (
        select from pg_depend as member
        where member.classid = 'pg_namespace'::regclass and member.objid = space.oid and member.deptype = 'e'
    )
