-- The next rows with a value that is not sealed with the active key, in the order of their keys, locked against writers.
select
    user_id,
    first_name,
    last_name,
    phone,
    address
from user_profiles
where
    user_id > %(after)s
    and (
        substring(first_name from 3 for 6) <> %(head)s
        or substring(last_name from 3 for 6) <> %(head)s
        or substring(phone from 3 for 6) <> %(head)s
        or substring(address from 3 for 6) <> %(head)s
        or substring(phone_index from 1 for 6) <> %(head)s
    )
order by user_id
limit %(batch)s
for no key update;
