-- How many sealed values each key has, by column. The function lets accounts ask that may not read the table.
select
    field,
    key_number,
    fingerprint,
    row_count
from field_key_usage()
order by field, key_number, fingerprint;
