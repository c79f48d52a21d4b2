-- Ends the trades and the orders, with all that is in them.

drop table trades;
drop table orders;
