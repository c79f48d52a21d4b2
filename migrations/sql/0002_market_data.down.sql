-- Ends the candles, with all that is in them.

drop table market_data;
