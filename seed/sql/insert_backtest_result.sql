insert into backtest_results (
    backtest_id, total_trades, winning_trades, losing_trades, win_rate, total_return, sharpe_ratio, max_drawdown, results_data, created_at
)
values (
    %(backtest_id)s, %(total_trades)s, %(winning_trades)s, %(losing_trades)s, %(win_rate)s, %(total_return)s, %(sharpe_ratio)s,
    %(max_drawdown)s, %(results_data)s, %(ended)s
);
