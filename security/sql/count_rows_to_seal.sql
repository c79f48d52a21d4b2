-- How many rows have a value that is not sealed with the active key.
select count(*)
from user_profiles
where
    substring(first_name from 3 for 6) <> %(head)s
    or substring(last_name from 3 for 6) <> %(head)s
    or substring(phone from 3 for 6) <> %(head)s
    or substring(address from 3 for 6) <> %(head)s
    or substring(phone_index from 1 for 6) <> %(head)s;
