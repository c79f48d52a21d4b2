"""Every constraint, violated: the server has to refuse, and name the constraint."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres_server import ScratchServer

PHC = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


def candle(**changes: str) -> str:
    values = {
        "symbol": "'IBM'",
        "timestamp": "'2013-01-02'",
        "open": "10",
        "high": "12",
        "low": "9",
        "close": "11",
        "volume": "100",
    } | changes
    return f"insert into market_data ({', '.join(values)}) values ({', '.join(values.values())})"


def indicator(**changes: str) -> str:
    values = {"symbol": "'IBM'", "timestamp": "'2013-01-02'", "indicator_type": "'sma'", "value": "1", "parameters": "'{}'"} | changes
    return f"insert into technical_indicators ({', '.join(values)}) values ({', '.join(values.values())})"


def rollup(name: str) -> str:
    return f"insert into {name} (symbol, bucket) values ('IBM', '2013-01-01')"


def user(**changes: str) -> str:
    values = {"username": "'new'", "email": "'new@example.com'", "password_hash": f"'{PHC}'"} | changes
    return f"insert into users ({', '.join(values)}) values ({', '.join(values.values())})"


def profile(**changes: str) -> str:
    values = {"user_id": "2"} | changes
    return f"insert into user_profiles ({', '.join(values)}) values ({', '.join(values.values())})"


def sealed(length: int) -> str:
    """So many bytes that begin as a sealed value does."""
    return f"'\\xc101'::bytea || decode(repeat('00', {length - 2}), 'hex')"


PHONE_INDEX = "decode(repeat('00', 38), 'hex')"


def order(**changes: str) -> str:
    values = {
        "user_id": "1",
        "symbol": "'IBM'",
        "order_type": "'limit'",
        "side": "'buy'",
        "quantity": "1",
        "price": "10",
        "status": "'open'",
    } | changes
    return f"insert into orders ({', '.join(values)}) values ({', '.join(values.values())})"


def trade(**changes: str) -> str:
    values = {
        "order_id": "1",
        "user_id": "1",
        "symbol": "'IBM'",
        "side": "'buy'",
        "quantity": "1",
        "price": "10",
        "timestamp": "'2013-01-02'",
        "fee": "0",
    } | changes
    return f"insert into trades ({', '.join(values)}) values ({', '.join(values.values())})"


def backtest(**changes: str) -> str:
    values = {
        "user_id": "1",
        "strategy_name": "'cross'",
        "start_date": "'2012-01-01'",
        "end_date": "'2013-01-01'",
        "symbols": "array['IBM']",
        "parameters": "'{}'",
        "status": "'queued'",
    } | changes
    return f"insert into backtest_runs ({', '.join(values)}) values ({', '.join(values.values())})"


def result(**changes: str) -> str:
    values = {
        "backtest_id": "2",
        "total_trades": "10",
        "winning_trades": "6",
        "losing_trades": "4",
        "win_rate": "60",
        "total_return": "1",
        "sharpe_ratio": "1",
        "max_drawdown": "1",
        "results_data": "'{}'",
    } | changes
    return f"insert into backtest_results ({', '.join(values)}) values ({', '.join(values.values())})"


GOOD = (candle(), indicator(), user(), profile(), order(), trade(), backtest(), result())

BAD = [
    ("pk_users", user(id="1")),
    ("users_username_key", user(username="'old'")),
    ("users_email_key", user(email="'old@example.com'")),
    ("ck_users_username", user(username="' new'")),
    ("ck_users_username", user(username="''")),
    ("ck_users_email", user(email="'nobody'")),
    ("ck_users_email", user(email="'a b@example.com'")),
    ("ck_users_password_hash", user(password_hash="'correct horse battery staple'")),
    ("pk_user_profiles", profile(user_id="1")),
    ("fk_user_profiles_user_id", profile(user_id="99")),
    ("ck_user_profiles_preferences", profile(preferences="'[1]'")),
    ("ck_user_profiles_preferences_size", profile(preferences="jsonb_build_object('a', repeat('x', 16384))")),
    ("ck_user_profiles_first_name", profile(first_name="'민지'")),
    ("ck_user_profiles_first_name", profile(first_name=sealed(480))),
    ("ck_user_profiles_last_name", profile(last_name="'Kim'")),
    ("ck_user_profiles_last_name", profile(last_name=sealed(65))),
    ("ck_user_profiles_phone", profile(phone="'+82-2-555-0101'", phone_index=PHONE_INDEX)),
    ("ck_user_profiles_phone", profile(phone=sealed(160), phone_index=PHONE_INDEX)),
    ("ck_user_profiles_address", profile(address="''")),
    ("ck_user_profiles_address", profile(address="'1 Sample Street, Springfield, where somebody wrote this in the clear'")),
    ("ck_user_profiles_address", profile(address=sealed(48))),
    ("ck_user_profiles_phone_index", profile(phone=sealed(64))),
    ("ck_user_profiles_phone_index", profile(phone_index=PHONE_INDEX)),
    ("ck_user_profiles_phone_index", profile(phone=sealed(64), phone_index="'+82-2-555-0101'")),
    ("pk_market_data", candle(id="1", timestamp="'2013-01-01'", symbol="'AAPL'")),
    ("uq_market_data_symbol_timestamp", candle(timestamp="'2013-01-01'")),
    ("ck_market_data_symbol", candle(symbol="''")),
    ("ck_market_data_symbol", candle(symbol="' IBM'")),
    ("ck_market_data_timestamp", candle(timestamp="'infinity'")),
    ("ck_market_data_high_low", candle(high="8", low="9", open="null", close="null")),
    ("ck_market_data_open", candle(open="13")),
    ("ck_market_data_open", candle(open="8")),
    ("ck_market_data_close", candle(close="13")),
    ("ck_market_data_close", candle(close="8")),
    ("ck_market_data_volume", candle(volume="-1")),
    ("ck_market_data_not_nan", candle(high="'NaN'")),
    ("ck_market_data_not_nan", candle(volume="'NaN'")),
    ("ck_market_data_not_nan", candle(open="null", volume="'NaN'")),
    ("pk_technical_indicators", indicator(id="1", timestamp="'2013-01-01'", symbol="'AAPL'")),
    ("uq_technical_indicators_series", indicator(timestamp="'2013-01-01'")),
    ("ck_technical_indicators_symbol", indicator(symbol="'IBM '")),
    ("ck_technical_indicators_timestamp", indicator(timestamp="'infinity'")),
    ("ck_technical_indicators_indicator_type", indicator(indicator_type="'Moving average'")),
    ("ck_technical_indicators_value", indicator(value="'NaN'")),
    ("ck_technical_indicators_parameters", indicator(parameters="'3'")),
    ("ck_technical_indicators_parameters", indicator(parameters="jsonb_build_object('a', repeat('x', 1024))")),
    ("pk_candles_5m", rollup("candles_5m")),
    ("pk_candles_1h", rollup("candles_1h")),
    ("pk_candles_1d", rollup("candles_1d")),
    ("pk_orders", order(id="1")),
    ("fk_orders_user_id", order(user_id="99")),
    ("fk_orders_user_id", "delete from users where id = 1"),
    ("uq_orders_user_id_external_id", order(external_id="'taken'")),
    ("ck_orders_symbol", order(symbol="''")),
    ("ck_orders_order_type", order(order_type="'iceberg'")),
    ("ck_orders_side", order(side="'hold'")),
    ("ck_orders_status", order(status="'lost'")),
    ("ck_orders_quantity", order(quantity="0")),
    ("ck_orders_quantity", order(quantity="'NaN'")),
    ("ck_orders_price", order(price="0")),
    ("ck_orders_price", order(price="'NaN'")),
    ("ck_orders_price_present", order(price="null")),
    ("ck_orders_price_present", order(price="null", order_type="'stop_limit'")),
    ("pk_trades", trade(id="1")),
    ("fk_trades_order_id", trade(order_id="99")),
    ("fk_trades_order_id", "delete from orders where id = 1"),
    ("fk_trades_user_id", trade(user_id="99")),
    ("ck_trades_symbol", trade(symbol="''")),
    ("ck_trades_side", trade(side="'hold'")),
    ("ck_trades_quantity", trade(quantity="-1")),
    ("ck_trades_quantity", trade(quantity="'NaN'")),
    ("ck_trades_price", trade(price="0")),
    ("ck_trades_price", trade(price="'NaN'")),
    ("ck_trades_timestamp", trade(timestamp="'infinity'")),
    ("ck_trades_fee", trade(fee="'NaN'")),
    ("pk_backtest_runs", backtest(id="1")),
    ("fk_backtest_runs_user_id", backtest(user_id="99")),
    ("ck_backtest_runs_strategy_name", backtest(strategy_name="' '")),
    ("ck_backtest_runs_dates", backtest(end_date="'2012-01-01'")),
    ("ck_backtest_runs_dates", backtest(end_date="'infinity'")),
    ("ck_backtest_runs_symbols", backtest(symbols="'{}'")),
    ("ck_backtest_runs_symbols", backtest(symbols="array['IBM', null]")),
    ("ck_backtest_runs_parameters", backtest(parameters="'[]'")),
    ("ck_backtest_runs_status", backtest(status="'paused'")),
    ("pk_backtest_results", result(id="1")),
    ("fk_backtest_results_backtest_id", result(backtest_id="99")),
    ("uq_backtest_results_backtest_id", result(backtest_id="1")),
    ("ck_backtest_results_trades", result(total_trades="-1", winning_trades="null")),
    ("ck_backtest_results_trades_sum", result(winning_trades="7")),
    ("ck_backtest_results_win_rate", result(win_rate="100.01")),
    ("ck_backtest_results_win_rate", result(win_rate="-0.01")),
    ("ck_backtest_results_win_rate", result(win_rate="'NaN'")),
    ("ck_backtest_results_max_drawdown", result(max_drawdown="-1")),
    ("ck_backtest_results_max_drawdown", result(max_drawdown="'NaN'")),
    ("ck_backtest_results_not_nan", result(total_return="'NaN'")),
    ("ck_backtest_results_not_nan", result(sharpe_ratio="'NaN'")),
    ("ck_backtest_results_results_data", result(results_data="'1'")),
]

ROWS = (
    user(id="1", username="'old'", email="'old@example.com'"),
    user(id="2", username="'older'", email="'older@example.com'"),
    profile(user_id="1"),
    candle(id="1", timestamp="'2013-01-01'"),
    indicator(id="1", timestamp="'2013-01-01'"),
    rollup("candles_5m"),
    rollup("candles_1h"),
    rollup("candles_1d"),
    order(id="1", external_id="'taken'", quantity="2"),
    trade(id="1"),
    backtest(id="1"),
    backtest(id="2"),
    result(id="1", backtest_id="1"),
)


@pytest.fixture(scope="module")
def filled(migrated_server: ScratchServer) -> Iterator[psycopg.Connection]:
    """A connection of the schema's owner with a row in every table, all of it undone at the end."""
    with psycopg.connect(migrated_server.platform.postgres_url("migrator")) as opened:
        for statement in ROWS:
            opened.execute(statement.encode())
        # New rows come after those that were numbered by hand.
        for table in ("users", "market_data", "technical_indicators", "orders", "trades", "backtest_runs", "backtest_results"):
            opened.execute(f"alter table {table} alter column id restart with 100".encode())
        yield opened
        opened.rollback()


@pytest.fixture
def connection(filled: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The same for one test: what it changes is undone."""
    with filled.transaction(force_rollback=True):
        yield filled


@pytest.mark.parametrize("statement", GOOD, ids=lambda statement: statement.split()[2])
def test_a_good_row_is_taken(connection: psycopg.Connection, statement: str) -> None:
    assert connection.execute(statement.encode()).rowcount == 1


@pytest.mark.parametrize(("constraint", "statement"), BAD, ids=[f"{number}-{name}" for number, (name, _) in enumerate(BAD)])
def test_a_bad_row_is_refused_by_name(connection: psycopg.Connection, constraint: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as caught:
        connection.execute(statement.encode())
    # A chunk's copy of a unique key carries the chunk's number before its name.
    assert (caught.value.diag.constraint_name or "").endswith(constraint)


def test_every_constraint_of_the_schema_is_among_those_violated(migrated_server: ScratchServer) -> None:
    with migrated_server.admin() as connection:
        rows = connection.execute(
            "select conname from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'p', 'u') "
            "and conrelid::regclass::text <> 'alembic_version'"
        ).fetchall()
    assert {name for (name,) in rows} == {name for name, _ in BAD}


def test_deleting_a_user_without_orders_takes_profile_and_backtests_along(connection: psycopg.Connection) -> None:
    connection.execute("delete from trades")
    connection.execute("delete from orders")
    connection.execute("delete from users where id = 1")
    for table in ("user_profiles", "backtest_runs", "backtest_results"):
        assert connection.execute(f"select count(*) from {table}".encode()).fetchone() == (0,)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("users", "is_active = false"),
        ("user_profiles", 'preferences = \'{"theme": "light"}\''),
        ("orders", "status = 'filled'"),
        ("backtest_runs", "status = 'running'"),
    ],
)
def test_updated_at_is_kept_by_the_server(connection: psycopg.Connection, table: str, change: str) -> None:
    column = change.split(" = ", maxsplit=1)[0]
    key = "user_id" if table == "user_profiles" else "id"
    connection.execute(f"alter table {table} disable trigger user".encode())
    connection.execute(f"update {table} set updated_at = '2001-01-01'".encode())
    connection.execute(f"alter table {table} enable trigger user".encode())
    connection.execute(f"update {table} set {column} = {column}".encode())
    assert connection.execute(f"select count(*) from {table} where updated_at > '2001-01-01'".encode()).fetchone() == (0,)
    connection.execute(f"update {table} set {change}, updated_at = '1999-01-01' where {key} = 1".encode())
    assert connection.execute(f"select updated_at = now() from {table} where {key} = 1".encode()).fetchone() == (True,)
