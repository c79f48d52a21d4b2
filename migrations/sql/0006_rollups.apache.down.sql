-- Ends the longer candles and what notes changes for them; the candles stay.

drop trigger market_data_truncated on market_data;
drop trigger market_data_deleted on market_data;
drop trigger market_data_updated on market_data;
drop trigger market_data_inserted on market_data;
drop table candles_1d;
drop table candles_1h;
drop table candles_5m;
drop function empty_rollups();
drop function note_candle_moves();
drop function note_candle_changes();
drop table candle_changes;
