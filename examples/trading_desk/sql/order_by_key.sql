-- What was ordered with this key.
select
    symbol,
    order_type,
    side,
    quantity,
    price
from orders
where user_id = %(user_id)s and external_id = %(external_id)s;
