"""The relational model: each table's content, partitioning and data retention. Who may read, write or delete its rows: accounts.py."""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.model import Column, DataRetention, Hypertable, Index, Rollup, Sensitivity, Table

DATABASE = "christmas_db"
SCHEMA = "public"
EXTENSIONS = ("timescaledb", "pgaudit", "pg_stat_statements")

# The planned rates: one-minute candles of a session of 390 minutes on five days a week, and ten
# series of indicators on hourly candles (seven a day). docs/adr/0501 computes the interval from these.
SYMBOLS = 500
CANDLES_PER_WEEK = SYMBOLS * 390 * 5
INDICATORS_PER_WEEK = SYMBOLS * 7 * 5 * 10
CHUNK_INTERVAL = timedelta(days=28)
# Backtests go back to the year 2000, so candles and values computed from them are kept for decades.
KEEP_MARKET_DATA = timedelta(days=30 * 365)

_TIMESTAMP = "timestamp with time zone"
_PRICE = "numeric(19,4)"


def _id(kind: str = "integer") -> Column:
    return Column("id", kind, nullable=False)


def _created() -> Column:
    return Column("created_at", _TIMESTAMP, nullable=False)


def _updated() -> Column:
    return Column("updated_at", _TIMESTAMP, nullable=False)


def _text(length: int) -> str:
    return f"character varying({length})"


def _by_time(hypertable: str) -> Index:
    """The index that create_hypertable would make, by its name."""
    return Index(f"{hypertable}_timestamp_idx", ("timestamp",), descending=frozenset({"timestamp"}))


USERS = Table(
    name="users",
    comment="People who can log in",
    columns=(
        _id(),
        Column("username", _text(100), nullable=False),
        # In plain text: people log in with it, and it must be unique (docs/adr/0514).
        Column("email", _text(255), nullable=False, sensitivity=Sensitivity.PRIVATE),
        Column("password_hash", _text(255), nullable=False, sensitivity=Sensitivity.SECRET),
        Column("is_active", "boolean", nullable=False),
        _created(),
        _updated(),
    ),
    primary_key=("id",),
    indexes=(Index("users_username_key", ("username",), unique=True), Index("users_email_key", ("email",), unique=True)),
)

USER_PROFILES = Table(
    name="user_profiles",
    comment="What a user told about themselves, and their preferences",
    columns=(
        Column("user_id", "integer", nullable=False),
        Column("preferences", "jsonb"),
        _created(),
        _updated(),
        # Sealed in the application: christmas/blueprint/sealed_fields.py.
        Column("first_name", "sealed", sensitivity=Sensitivity.PERSONAL),
        Column("last_name", "sealed", sensitivity=Sensitivity.PERSONAL),
        Column("phone", "sealed", sensitivity=Sensitivity.PERSONAL),
        Column("address", "sealed", sensitivity=Sensitivity.PERSONAL),
        Column("phone_index", "bytea", sensitivity=Sensitivity.PERSONAL),
    ),
    primary_key=("user_id",),
    indexes=(Index("idx_user_profiles_phone_index", ("phone_index",)),),
)

MARKET_DATA = Table(
    name="market_data",
    comment="Candles: one row for each symbol and interval start",
    columns=(
        _id("bigint"),
        Column("symbol", _text(20), nullable=False),
        Column("timestamp", _TIMESTAMP, nullable=False),
        Column("open", _PRICE),
        Column("high", _PRICE),
        Column("low", _PRICE),
        Column("close", _PRICE),
        Column("volume", _PRICE, rounded=True),
        _created(),
    ),
    primary_key=("id", "timestamp"),
    indexes=(
        Index("idx_market_data_symbol", ("symbol",)),
        _by_time("market_data"),
        Index("uq_market_data_symbol_timestamp", ("symbol", "timestamp"), unique=True),
    ),
    hypertable=Hypertable(
        "timestamp", CHUNK_INTERVAL, compress_after=timedelta(days=30), segment_by="symbol", rows_per_week=CANDLES_PER_WEEK
    ),
    retention=DataRetention(KEEP_MARKET_DATA),
)

TECHNICAL_INDICATORS = Table(
    name="technical_indicators",
    comment="Values computed from candles, one row for each symbol, indicator, parameters and time",
    columns=(
        _id("bigint"),
        Column("symbol", _text(20), nullable=False),
        Column("timestamp", _TIMESTAMP, nullable=False),
        Column("indicator_type", _text(50), nullable=False),
        Column("value", "numeric(19,6)"),
        Column("parameters", "jsonb", nullable=False),
        _created(),
    ),
    primary_key=("id", "timestamp"),
    indexes=(
        Index("idx_tech_indicators_symbol_type", ("symbol", "indicator_type")),
        _by_time("technical_indicators"),
        Index("uq_technical_indicators_series", ("symbol", "indicator_type", "parameters", "timestamp"), unique=True),
    ),
    hypertable=Hypertable(
        "timestamp", CHUNK_INTERVAL, compress_after=timedelta(days=30), segment_by="symbol", rows_per_week=INDICATORS_PER_WEEK
    ),
    retention=DataRetention(KEEP_MARKET_DATA),
)

ORDERS = Table(
    name="orders",
    comment="What a user asked the market for",
    columns=(
        _id(),
        Column("user_id", "integer", nullable=False),
        Column("symbol", _text(20), nullable=False),
        Column("order_type", _text(20), nullable=False),
        Column("side", _text(10), nullable=False),
        Column("quantity", _PRICE, nullable=False),
        Column("price", _PRICE),
        Column("status", _text(20), nullable=False),
        Column("external_id", _text(100)),
        _created(),
        _updated(),
    ),
    primary_key=("id",),
    indexes=(
        Index("idx_orders_user_id", ("user_id",)),
        Index("idx_orders_symbol", ("symbol",)),
        Index("idx_orders_created_at", ("created_at",)),
        Index("uq_orders_user_id_external_id", ("user_id", "external_id"), unique=True),
        Index("idx_orders_unfinished", ("user_id", "created_at"), where="status in ('pending', 'open', 'partially_filled')"),
    ),
)

TRADES = Table(
    name="trades",
    comment="What the market gave: the fills of an order",
    columns=(
        _id(),
        Column("order_id", "integer", nullable=False),
        Column("user_id", "integer", nullable=False),
        Column("symbol", _text(20), nullable=False),
        Column("side", _text(10), nullable=False),
        Column("quantity", _PRICE, nullable=False),
        Column("price", _PRICE, nullable=False),
        Column("timestamp", _TIMESTAMP, nullable=False),
        Column("fee", _PRICE),
        _created(),
    ),
    primary_key=("id",),
    indexes=(
        Index("idx_trades_order_id", ("order_id",)),
        Index("idx_trades_user_id", ("user_id",)),
        Index("idx_trades_symbol", ("symbol",)),
        Index("idx_trades_timestamp", ("timestamp",)),
        Index("idx_trades_user_id_timestamp", ("user_id", "timestamp")),
    ),
)

BACKTEST_RUNS = Table(
    name="backtest_runs",
    comment="A strategy tried on past candles",
    columns=(
        _id(),
        Column("user_id", "integer", nullable=False),
        Column("strategy_name", _text(100), nullable=False),
        Column("start_date", _TIMESTAMP, nullable=False),
        Column("end_date", _TIMESTAMP, nullable=False),
        Column("symbols", "text[]", nullable=False),
        Column("parameters", "jsonb"),
        Column("status", _text(20), nullable=False),
        _created(),
        _updated(),
    ),
    primary_key=("id",),
    indexes=(Index("idx_backtest_runs_user_id", ("user_id",)),),
)

BACKTEST_RESULTS = Table(
    name="backtest_results",
    comment="How a backtest run ended",
    columns=(
        _id(),
        Column("backtest_id", "integer", nullable=False),
        Column("total_trades", "integer"),
        Column("winning_trades", "integer"),
        Column("losing_trades", "integer"),
        Column("win_rate", "numeric(5,2)"),
        Column("total_return", _PRICE),
        Column("sharpe_ratio", "numeric(10,4)"),
        Column("max_drawdown", "numeric(10,4)"),
        Column("results_data", "jsonb"),
        _created(),
    ),
    primary_key=("id",),
    indexes=(
        Index("uq_backtest_results_backtest_id", ("backtest_id",), unique=True),
        Index("idx_backtest_results_total_return", ("total_return",)),
    ),
)

TABLES: tuple[Table, ...] = (
    USERS,
    USER_PROFILES,
    MARKET_DATA,
    TECHNICAL_INDICATORS,
    ORDERS,
    TRADES,
    BACKTEST_RUNS,
    BACKTEST_RESULTS,
)

ROLLUPS: tuple[Rollup, ...] = (
    Rollup(
        name="candles_5m",
        comment="Candles of five minutes, from market_data",
        source="market_data",
        bucket=timedelta(minutes=5),
        chunk_interval=timedelta(days=84),
        refresh_every=timedelta(minutes=5),
    ),
    Rollup(
        name="candles_1h",
        comment="Candles of an hour, from candles_5m",
        source="candles_5m",
        bucket=timedelta(hours=1),
        chunk_interval=timedelta(days=364),
        refresh_every=timedelta(minutes=30),
    ),
    Rollup(
        name="candles_1d",
        comment="Candles of a day in UTC, from candles_1h",
        source="candles_1h",
        bucket=timedelta(days=1),
        chunk_interval=timedelta(days=3640),
        refresh_every=timedelta(hours=1),
    ),
)

ORDER_SIDES = ("buy", "sell")
ORDER_TYPES = ("market", "limit", "stop", "stop_limit")
ORDER_STATUSES = ("pending", "open", "partially_filled", "filled", "cancelled", "rejected")
BACKTEST_STATUSES = ("queued", "running", "completed", "failed")


def table(name: str) -> Table:
    """The table of that name; KeyError if the blueprint has none."""
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"the blueprint declares no table {name!r}")
