update user_profiles
set
    first_name = %(first_name)s,
    last_name = %(last_name)s,
    phone = %(phone)s,
    address = %(address)s,
    phone_index = %(phone_index)s
where user_id = %(user_id)s;
