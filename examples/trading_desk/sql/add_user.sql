-- A new user's number; no row if the name or the address is taken.
insert into users (username, email, password_hash)
values (%(username)s, %(email)s, %(password_hash)s)
on conflict do nothing
returning id;
