-- The number of a user without a profile: what is sealed is bound to it.
select u.id
from users as u
where
    u.username = %(username)s
    and not exists (select from user_profiles as p where p.user_id = u.id);
