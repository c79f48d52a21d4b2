-- Of the given names, those that no user has yet, in the order given.
select given.username
from unnest(%(usernames)s::text[]) with ordinality as given (username, place)
left join users as u on u.username = given.username
where u.id is null
order by given.place;
