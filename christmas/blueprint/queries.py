"""The platform's queries on the relational store, and the indexes for each: written once, for applications, tests and monitoring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A frequent query with a promised cost.

    `sql` uses psycopg's named parameters. `served_by` are the indexes that may answer it, `max_buffers` the number of 8 KiB pages that
    it may touch for the parameters in its purpose, `max_chunks` the number of chunks of a hypertable that it may read.
    """

    name: str
    account: str
    purpose: str
    sql: str
    served_by: tuple[str, ...]
    max_buffers: int
    max_chunks: int = 0


LATEST_CANDLE = Query(
    name="latest_candle",
    account="api",
    purpose="The newest candle of a symbol that is traded",
    sql="""
        select symbol, timestamp, open, high, low, close, volume
        from market_data
        where symbol = %(symbol)s
        order by timestamp desc
        limit 1
    """,
    served_by=("uq_market_data_symbol_timestamp",),
    max_buffers=12,
    max_chunks=1,
)

LATEST_CANDLES = Query(
    name="latest_candles",
    account="api",
    purpose="The newest candle of each of 100 symbols",
    sql="""
        select newest.*
        from unnest(%(symbols)s::text[]) as wanted (symbol)
        cross join lateral (
            select symbol, timestamp, open, high, low, close, volume
            from market_data
            where symbol = wanted.symbol
            order by timestamp desc
            limit 1
        ) as newest
    """,
    served_by=("uq_market_data_symbol_timestamp",),
    max_buffers=1000,
    max_chunks=1,
)

NEWEST_CANDLES = Query(
    name="newest_candles",
    account="api",
    purpose="The five newest candles, of whichever symbols",
    sql="""
        select symbol, timestamp, open, high, low, close, volume
        from market_data
        order by timestamp desc
        limit 5
    """,
    served_by=("market_data_timestamp_idx",),
    max_buffers=12,
    max_chunks=1,
)

NEWEST_INDICATORS = Query(
    name="newest_indicators",
    account="backtest",
    purpose="The five newest values of any indicator, of whichever symbols",
    sql="""
        select symbol, timestamp, indicator_type, value, parameters
        from technical_indicators
        order by timestamp desc
        limit 5
    """,
    served_by=("technical_indicators_timestamp_idx",),
    max_buffers=12,
    max_chunks=1,
)

CANDLES_OF_RANGE = Query(
    name="candles_of_range",
    account="backtest",
    purpose="One symbol's candles of a day, 390 of them",
    sql="""
        select timestamp, open, high, low, close, volume
        from market_data
        where symbol = %(symbol)s and timestamp >= %(start)s and timestamp < %(end)s
        order by timestamp
    """,
    served_by=("uq_market_data_symbol_timestamp",),
    max_buffers=450,
    max_chunks=1,
)

CANDLES_OF_SYMBOLS = Query(
    name="candles_of_symbols",
    account="backtest",
    purpose="The candles of five symbols over a day",
    sql="""
        select symbol, timestamp, close
        from market_data
        where symbol = any(%(symbols)s) and timestamp >= %(start)s and timestamp < %(end)s
        order by symbol, timestamp
    """,
    served_by=("uq_market_data_symbol_timestamp",),
    max_buffers=2250,
    max_chunks=1,
)

INDICATOR_SERIES = Query(
    name="indicator_series",
    account="backtest",
    purpose="One indicator of a symbol over 30 days, hourly",
    sql="""
        select timestamp, value
        from technical_indicators
        where symbol = %(symbol)s and indicator_type = %(indicator_type)s and parameters = %(parameters)s
            and timestamp >= %(start)s and timestamp < %(end)s
        order by timestamp
    """,
    served_by=("uq_technical_indicators_series",),
    max_buffers=100,
    max_chunks=3,
)

OPEN_ORDERS = Query(
    name="open_orders",
    account="api",
    purpose="A user's unfinished orders, newest first",
    sql="""
        select id, symbol, order_type, side, quantity, price, status, created_at
        from orders
        where user_id = %(user_id)s and status in ('pending', 'open', 'partially_filled')
        order by created_at desc
    """,
    served_by=("idx_orders_unfinished",),
    max_buffers=15,
)

TRADES_OF_DAY = Query(
    name="trades_of_day",
    account="api",
    purpose="A user's trades of one day",
    sql="""
        select id, symbol, side, quantity, price, fee, timestamp
        from trades
        where user_id = %(user_id)s and timestamp >= %(start)s and timestamp < %(end)s
        order by timestamp
    """,
    served_by=("idx_trades_user_id_timestamp",),
    max_buffers=15,
)

PROFIT_PER_SYMBOL = Query(
    name="profit_per_symbol",
    account="api",
    purpose="What a user with 200 trades paid and got for each symbol, fees taken off, and what is left",
    sql="""
        select
            symbol,
            sum(case side when 'sell' then quantity * price else -quantity * price end - coalesce(fee, 0)) as cash,
            sum(case side when 'buy' then quantity else -quantity end) as held
        from trades
        where user_id = %(user_id)s
        group by symbol
        order by symbol
    """,
    served_by=("idx_trades_user_id", "idx_trades_user_id_timestamp"),
    max_buffers=300,
)

BACKTEST_LEADERBOARD = Query(
    name="backtest_leaderboard",
    account="backtest",
    purpose="The 20 backtests that gained most",
    sql="""
        select r.id, r.strategy_name, r.symbols, b.total_return, b.win_rate, b.sharpe_ratio, b.max_drawdown
        from backtest_results as b
        join backtest_runs as r on r.id = b.backtest_id
        where b.total_return is not null
        order by b.total_return desc
        limit 20
    """,
    served_by=("idx_backtest_results_total_return",),
    max_buffers=150,
)

PROFILE_BY_PHONE = Query(
    name="profile_by_phone",
    account="api",
    purpose="The profiles with a phone number, by its keyed hash under either of two keys",
    sql="""
        select user_id, first_name, last_name, phone, address, preferences
        from user_profiles
        where phone_index = any(%(entries)s)
        order by user_id
    """,
    served_by=("idx_user_profiles_phone_index",),
    max_buffers=10,
)

QUERIES: tuple[Query, ...] = (
    LATEST_CANDLE,
    LATEST_CANDLES,
    NEWEST_CANDLES,
    CANDLES_OF_RANGE,
    CANDLES_OF_SYMBOLS,
    INDICATOR_SERIES,
    NEWEST_INDICATORS,
    OPEN_ORDERS,
    TRADES_OF_DAY,
    PROFIT_PER_SYMBOL,
    BACKTEST_LEADERBOARD,
    PROFILE_BY_PHONE,
)
