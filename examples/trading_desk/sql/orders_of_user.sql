-- A user's newest orders.
select
    id,
    symbol,
    order_type,
    side,
    quantity,
    price,
    status,
    created_at
from orders
where user_id = %(user_id)s
order by created_at desc, id desc
limit 20;
