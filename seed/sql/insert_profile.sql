insert into user_profiles (user_id, first_name, last_name, phone, address, preferences, created_at, updated_at)
select u.id, %(first_name)s, %(last_name)s, %(phone)s, %(address)s, %(preferences)s, %(joined)s, %(joined)s
from users as u
where u.username = %(username)s
on conflict (user_id) do nothing;
