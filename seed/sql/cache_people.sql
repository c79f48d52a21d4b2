-- The first users with their preferences: what the session and preference entries are made of.
select u.id, u.username, coalesce(p.preferences, '{}'::jsonb) as preferences
from users as u
left join user_profiles as p on u.id = p.user_id
order by u.id
limit 20;
