-- Ends the indicators, with all that is in them.

drop table technical_indicators;
