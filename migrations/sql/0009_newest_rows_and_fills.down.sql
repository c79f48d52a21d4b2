-- squawk-ignore-file ban-drop-function
-- Fills are not guarded any more.

drop trigger orders_changed on orders;
drop trigger trades_updated on trades;
drop trigger trades_inserted on trades;
drop function keep_orders_of_their_fills();
drop function keep_fills_within_orders();
