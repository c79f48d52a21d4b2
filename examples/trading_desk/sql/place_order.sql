-- A new order's number; no row if the user has placed one with this key already.
insert into orders (user_id, symbol, order_type, side, quantity, price, status, external_id)
values (%(user_id)s, %(symbol)s, %(order_type)s, %(side)s, %(quantity)s, %(price)s, 'pending', %(external_id)s)
on conflict (user_id, external_id) do nothing
returning id;
