-- The order, unless its user has it already; the numbers that its trades need.
insert into orders (user_id, symbol, order_type, side, quantity, price, status, external_id, created_at, updated_at)
select
    u.id, %(symbol)s, %(order_type)s, %(side)s, %(quantity)s, %(price)s, %(status)s, %(external_id)s::varchar,
    %(created_at)s, %(updated_at)s
from users as u
where u.username = %(username)s
    -- Tried before the insert, so that a second run takes no numbers from the sequence.
    and not exists (select from orders as o where o.user_id = u.id and o.external_id = %(external_id)s::varchar)
returning id, user_id;
