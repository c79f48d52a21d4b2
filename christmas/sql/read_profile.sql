select
    user_id,
    first_name,
    last_name,
    phone,
    address,
    preferences
from user_profiles
where user_id = %(user_id)s;
