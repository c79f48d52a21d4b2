insert into user_profiles (user_id, first_name, last_name, phone, address, phone_index, preferences, created_at, updated_at)
values (
    %(user_id)s, %(first_name)s, %(last_name)s, %(phone)s, %(address)s, %(phone_index)s, %(preferences)s, %(joined)s, %(joined)s
)
on conflict (user_id) do nothing;
