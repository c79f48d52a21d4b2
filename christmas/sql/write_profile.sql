insert into user_profiles (user_id, first_name, last_name, phone, address, phone_index, preferences)
values (%(user_id)s, %(first_name)s, %(last_name)s, %(phone)s, %(address)s, %(phone_index)s, %(preferences)s)
on conflict (user_id) do update set
first_name = excluded.first_name,
last_name = excluded.last_name,
phone = excluded.phone,
address = excluded.address,
phone_index = excluded.phone_index,
preferences = excluded.preferences;
