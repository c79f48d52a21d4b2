-- What a login is held against. Who is not active can't log in.
select
    id,
    password_hash
from users
where username = %(username)s and is_active;
