"""A whole tick as one transaction on the wire: RESP written and read here, since a client's general path costs more than the server.

Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from access.values import ValueRefused, encode
from blueprint.keyspaces import MARKET_LATEST

if TYPE_CHECKING:
    from access.market import Candle

COMMANDS_PER_CANDLE = 2
_TTL_MS = str(round(MARKET_LATEST.ttl.total_seconds() * 1000))
_NAMES = tuple(each.name for each in MARKET_LATEST.fields)
_ERRORS = {"NOPERM": NoPermissionError, "OOM": OutOfMemoryError, "READONLY": ReadOnlyError}


def _bulk(text: str) -> str:
    return f"${len(text)}\r\n{text}\r\n"


_BEFORE = {name: _bulk(name) for name in _NAMES}
_TIMESTAMP, _OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = (_BEFORE[name] for name in ("timestamp", "open", "high", "low", "close", "volume"))


@lru_cache(maxsize=65_536)
def _frame(symbol: str) -> tuple[str, str]:
    """What stands before a candle's fields and after them. Raises BlueprintError for a symbol that can't be part of a key."""
    key = _bulk(MARKET_LATEST.key(symbol))
    before = f"*{2 + 2 * len(_NAMES)}\r\n$4\r\nHSET\r\n{key}"
    return before, f"*3\r\n$7\r\nPEXPIRE\r\n{key}{_bulk(_TTL_MS)}"


@lru_cache(maxsize=256)
def _moment(moment: datetime) -> str:
    return _bulk(moment.isoformat())


def _number(value: Decimal) -> str:
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return f"${len(text)}\r\n{text}\r\n"


def payload(candles: Mapping[str, Candle]) -> bytes:
    """The transaction that writes these candles with their expiry.

    Raises ValueRefused or BlueprintError for a candle or symbol that does not fit; nothing is sent then.
    """
    parts = ["*1\r\n$5\r\nMULTI\r\n"]
    for symbol, candle in candles.items():
        before, after = _frame(symbol)
        numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        for number in numbers:
            if type(number) is not Decimal or not number.is_finite() or not -20 < number.adjusted() < 20:
                _refuse(candle)
        if candle.timestamp.tzinfo is None:
            _refuse(candle)
        first, high, low, last, volume = map(_number, numbers)
        parts.append(
            f"{before}{_TIMESTAMP}{_moment(candle.timestamp)}{_OPEN}{first}{_HIGH}{high}{_LOW}{low}{_CLOSE}{last}{_VOLUME}{volume}{after}"
        )
    parts.append("*1\r\n$4\r\nEXEC\r\n")
    return "".join(parts).encode("ascii")


def _refuse(candle: Candle) -> None:
    """Raise what the codec says of a candle that looks wrong; a subclass of Decimal or an extreme number may still be fine to it."""
    encode(MARKET_LATEST, candle.fields())
    raise ValueRefused(f"keyspace {MARKET_LATEST.name}: a price or volume is out of every market's range")


class Replies:
    """Reads the answers to such a transaction: one line for each command, then an array, or one line that says why there is none."""

    def __init__(self, candles: int) -> None:
        self._queued = 1 + COMMANDS_PER_CANDLE * candles  # MULTI's OK too
        self._left = self._queued + 1
        self._rest = b""
        self._error: str | None = None
        self._executed = False

    def feed(self, data: bytes) -> bool:
        """Take what came; True once everything has. Raises what the client's own parser would for an error, when all is read."""
        if not data:
            raise RedisConnectionError("Connection closed by server.")
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            self._left -= 1
            if line.startswith(b"-"):
                self._error = self._error or line[1:].decode(errors="replace")
            elif self._left == 0 and not self._executed and line.startswith(b"*"):
                self._executed = True
                self._left = int(line[1:])
        if self._left > 0:
            return False
        if self._error:
            code, _, _ = self._error.partition(" ")
            raise _ERRORS.get(code, ResponseError)(self._error)
        return True
