-- The number, if the user has such an order and it is not finished.
update orders set status = 'cancelled'
where
    id = %(id)s
    and user_id = %(user_id)s
    and status in ('pending', 'open', 'partially_filled')
returning id;
