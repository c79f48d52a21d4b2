-- Ends the backtests and their results, with all that is in them.

drop table backtest_results;
drop table backtest_runs;
