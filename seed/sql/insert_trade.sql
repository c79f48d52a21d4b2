insert into trades (order_id, user_id, symbol, side, quantity, price, timestamp, fee, created_at)
values (%(order_id)s, %(user_id)s, %(symbol)s, %(side)s, %(quantity)s, %(price)s, %(timestamp)s, %(fee)s, %(timestamp)s);
