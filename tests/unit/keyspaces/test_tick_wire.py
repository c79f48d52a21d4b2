"""The tick's own wire format: what it sends is what the codec would, and every way the answers may come cut is read alike."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import exceptions

from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST
from christmas.blueprint.model import BlueprintError
from christmas.market import Candle
from christmas.ticks import CANDLES_AT_ONCE, Replies, Tick
from christmas.values import ValueRefused, encode

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
CANDLE = Candle(NOW, Decimal("1.5"), Decimal("2E+2"), Decimal("1"), Decimal("0.0001"), Decimal("1000"))


def _commands(data: bytes) -> list[list[str]]:
    """The commands of a RESP request, read by lengths as a server does."""
    commands, at = [], 0

    def line() -> str:
        nonlocal at
        end = data.index(b"\r\n", at)
        text, at = data[at:end].decode(), end + 2
        return text

    while at < len(data):
        command = []
        for _ in range(int(line().removeprefix("*"))):
            length = int(line().removeprefix("$"))
            command.append(data[at : at + length].decode())
            assert data[at + length : at + length + 2] == b"\r\n"
            at += length + 2
        commands.append(command)
    return commands


_DECIMALS = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=4)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9._@/^=+&-]{1,20}", fullmatch=True),
        st.builds(
            Candle,
            st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])),
            _DECIMALS, _DECIMALS, _DECIMALS, _DECIMALS, _DECIMALS,
        ),
        min_size=1,
        max_size=5,
    )
)  # fmt: skip
def test_what_is_sent_is_what_the_codec_writes(tick: dict[str, Candle]) -> None:
    expected = []
    for symbol, candle in tick.items():
        raw = encode(MARKET_LATEST, candle.fields())
        assert isinstance(raw, dict)
        key = MARKET_LATEST.key(symbol)
        expected += [["HSET", key, *itertools.chain.from_iterable(raw.items())], ["PEXPIRE", key, "5000"]]
    assert _commands(b"".join(Tick(tick).chunks())) == expected


def test_a_big_tick_is_sent_in_whole_candles() -> None:
    tick = Tick({f"S{number}": CANDLE for number in range(2 * CANDLES_AT_ONCE + 1)})
    assert [len(_commands(chunk)) // 2 for chunk in tick.chunks()] == [CANDLES_AT_ONCE, CANDLES_AT_ONCE, 1]
    assert list(tick.chunks()) == list(tick.chunks())


def test_moments_that_are_equal_are_written_each_in_its_own_zone() -> None:
    """Python takes them for equal, and a cache would too."""
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))
    sent = _commands(b"".join(Tick({"A": CANDLE, "B": dataclasses.replace(CANDLE, timestamp=seoul)}).chunks()))
    assert [sent[0][3], sent[2][3]] == [NOW.isoformat(), seoul.isoformat()]


@pytest.mark.parametrize(
    "change", [{"open": Decimal("NaN")}, {"high": 1.5}, {"low": Decimal("1E+60")}, {"timestamp": NOW.replace(tzinfo=None)}]
)
def test_candles_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueRefused):
        Tick({"AAPL": dataclasses.replace(CANDLE, **change)})  # type: ignore[arg-type]


@pytest.mark.parametrize("symbol", ["A:B", "*", "A\r\nFLUSHALL", "세"])
def test_symbols_of_odd_characters_are_encoded_and_stay_one_argument(symbol: str) -> None:
    sent = _commands(b"".join(Tick({symbol: CANDLE}).chunks()))
    assert sent[0][1] == MARKET_LATEST.key(symbol)


@pytest.mark.parametrize("symbol", ["", "x" * 241])
def test_symbols_that_could_not_be_keys_are_refused(symbol: str) -> None:
    with pytest.raises(BlueprintError):
        Tick({symbol: CANDLE})


GOOD = b":6\r\n:1\r\n" * 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 1000])
def test_answers_may_come_in_pieces_of_any_size(size: int) -> None:
    replies = Replies(2)
    pieces = [GOOD[at : at + size] for at in range(0, len(GOOD), size)]
    assert [replies.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (b":6\r\n-NOPERM no\r\n", exceptions.NoPermissionError),
        (b"-OOM command not allowed\r\n:0\r\n", exceptions.OutOfMemoryError),
        (b"-WRONGTYPE x\r\n:1\r\n", exceptions.ResponseError),
        (b"-READONLY x\r\n-READONLY x\r\n", exceptions.ReadOnlyError),
    ],
)
def test_errors_are_told_once_everything_is_read(answers: bytes, error: type[Exception]) -> None:
    replies = Replies(1)
    assert not replies.feed(answers[:-1])
    with pytest.raises(error):
        replies.feed(answers[-1:])


def test_a_closed_connection_is_no_end() -> None:
    replies = Replies(1)
    replies.feed(b":6\r\n")
    with pytest.raises(exceptions.ConnectionError):
        replies.feed(b"")
