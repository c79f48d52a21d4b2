-- How many sealed values each key has, by column, where the schema has encrypted fields: one JSON list.
-- Read from the table itself, and only from a table with columns of bytes: what an account put in its place, a view or a type with a cast, could
-- bring code of its own along, and the function that accounts ask (field_key_usage) is code of its owner's. While it is locked, it stays what it is.
begin;
-- Numbers of keys are nobody's secret: the audit is to tell of reads that no task does.
set local pgaudit.role = '';
select format('lock table only %I.%I in access share mode', n.nspname, c.relname)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relname = :'table' and c.relkind = 'r' \gexec

select coalesce(string_agg(
    format(
        case f.value
            -- A sealed value begins with two bytes that tell so; a blind index has one length.
            when 'sealed' then
                'select %1$L as field, substring(%1$I from 3 for 2) as head from only public.%2$I'
                ' where octet_length(%1$I) >= 8 and substring(%1$I from 1 for 2) = ''\xc101'''
            else 'select %1$L as field, substring(%1$I from 1 for 2) as head from only public.%2$I where octet_length(%1$I) = 38'
        end,
        a.attname, c.relname
    ),
    ' union all ' order by a.attnum
), 'select null as field, null::bytea as head where false') as heads
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join json_each_text(:'columns'::json) as f on true
join pg_attribute as a on a.attrelid = c.oid and a.attname = f.key and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
where n.nspname = 'public' and c.relname = :'table' and c.relkind = 'r'
    and 'bytea'::regtype in (t.oid, t.typbasetype) \gset

select coalesce(json_agg(json_build_object('field', u.field, 'number', u.number, 'values', u.row_count)), '[]')
from (
    select h.field, get_byte(h.head, 0) * 256 + get_byte(h.head, 1) as number, count(*) as row_count
    from (:heads) as h
    group by 1, 2
) as u;
commit;
