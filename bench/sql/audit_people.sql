-- Rows of a table with sensitive columns, for reads by key, and for a look at them.
insert into public.users (username, email, password_hash)
select
    'bench-audit-' || g,
    'bench-audit-' || g || '@example.org',
    '$argon2id$v=19$m=65536,t=3,p=4$YmVuY2htYXJrMTIz$YmVuY2htYXJrYmVuY2htYXJrYmVuY2htYXJrYmVuY2g'
from generate_series(1, 1000) as g;
