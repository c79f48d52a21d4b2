"""A whole tick on the wire: RESP is written and parsed here, since a client's general code costs more than the server.

All candles are checked before the first is sent. The next ones are encoded while the server works on the last ones.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from christmas.blueprint.keyspaces_and_ttls import MARKET_LATEST
from christmas.values import ValueRefused, encode

if TYPE_CHECKING:
    from christmas.candle import Candle

COMMANDS_PER_CANDLE = 2
CANDLES_AT_ONCE = 100
"""Candles per send: 26 kB, which take the server as long as encoding the next ones takes this process."""
_TTL_MS = str(round(MARKET_LATEST.ttl.total_seconds() * 1000))
_NAMES = tuple(field.name for field in MARKET_LATEST.fields)
_NUMBERS = attrgetter(*_NAMES[1:])
_FIELDS = len(_NAMES) - 1
_MAGNITUDE = range(-20, 20)  # powers of ten of the prices and volumes in any market
_DIGITS = Decimal().__sizeof__()  # bytes of a number with its digits, at most 76, inside the object
_LONGEST = 100  # the most characters of such a number
_ERRORS = {"NOPERM": NoPermissionError, "OOM": OutOfMemoryError, "READONLY": ReadOnlyError}


def _bulk(text: str) -> str:
    return f"${len(text)}\r\n{text}\r\n"


_TIMESTAMP = _bulk("timestamp")
# The bytes before a number of that many characters: the previous line's end, the field's name, the length.
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = (
    tuple(f"{'' if name == 'open' else chr(13) + chr(10)}{_bulk(name)}${length}\r\n" for length in range(_LONGEST)) for name in _NAMES[1:]
)


@lru_cache(maxsize=65_536)
def _frame(symbol: str) -> tuple[str, str]:
    """The bytes before and after a candle's fields. Raises BlueprintError for a symbol that can't be part of a key."""
    key = _bulk(MARKET_LATEST.key(symbol))
    before = f"*{2 + 2 * len(_NAMES)}\r\n$4\r\nHSET\r\n{key}{_TIMESTAMP}"
    return before, f"\r\n*3\r\n$7\r\nPEXPIRE\r\n{key}{_bulk(_TTL_MS)}"


@lru_cache(maxsize=256)
def _moment(moment: datetime, _zone: tzinfo | None, _fold: int) -> str:
    """Zone and fold distinguish moments that Python treats as equal but writes differently."""
    if moment.utcoffset() is None:
        raise ValueRefused(f"keyspace {MARKET_LATEST.name}, field timestamp: not a timestamp with an offset")
    return _bulk(moment.isoformat())


class Tick:
    """Candles ready to send, each with its expiry.

    Raises ValueRefused or BlueprintError for an invalid candle or symbol; nothing was sent then.
    """

    def __init__(self, candles: Mapping[str, Candle]) -> None:
        self._frames = [_frame(symbol) for symbol in candles]
        try:
            self._moments = _moments(candles.values())
            self._numbers = list(chain.from_iterable(map(_NUMBERS, candles.values())))
            sound = _all_sound(self._numbers)
        except (AttributeError, TypeError):
            sound = False
        if not sound:
            _refuse(candles.values())

    def __len__(self) -> int:
        return len(self._frames)

    def chunks(self) -> Iterator[bytes]:
        """The commands, encoded on demand."""
        for start in range(0, len(self), CANDLES_AT_ONCE):
            end = start + CANDLES_AT_ONCE
            texts = _texts(self._numbers[_FIELDS * start : _FIELDS * end])
            # Flat lists instead of a tuple per candle: making and collecting tuples costs as much as the text.
            rows = zip(self._frames[start:end], self._moments[start:end], *(texts[at::_FIELDS] for at in range(_FIELDS)), strict=True)
            yield "".join(
                [
                    f"{before}{moment}{_OPEN[len(first)]}{first}{_HIGH[len(high)]}{high}{_LOW[len(low)]}{low}"
                    f"{_CLOSE[len(last)]}{last}{_VOLUME[len(volume)]}{volume}{after}"
                    for (before, after), moment, first, high, low, last, volume in rows
                ]
            ).encode("ascii")


def _moments(candles: Iterable[Candle]) -> list[str]:
    """The candles' timestamps in the sent form. Most feeds use one object for all candles of a moment."""
    texts: list[str] = []
    known: datetime | None = None
    text = ""
    for candle in candles:
        moment = candle.timestamp
        if moment is not known:
            text, known = _moment(moment, moment.tzinfo, moment.fold), moment
        texts.append(text)
    return texts


def _all_sound(numbers: Sequence[Decimal]) -> bool:
    """Whether all are finite Decimals in the range, without formatting them. Raises TypeError if one is not a Decimal."""
    magnitudes = set(map(Decimal.adjusted, numbers))
    return all(map(Decimal.is_finite, numbers)) and magnitudes <= set(_MAGNITUDE) and max(map(Decimal.__sizeof__, numbers)) <= _DIGITS


def _refuse(candles: Iterable[Candle]) -> None:
    """Raise the codec's error for the invalid candle; the range check refuses some that the codec would accept."""
    for candle in candles:
        encode(MARKET_LATEST, candle.fields())
    raise ValueRefused(f"keyspace {MARKET_LATEST.name}: a price or volume is out of every market's range")


def _texts(numbers: Sequence[Decimal]) -> list[str]:
    """The numbers in the codec's form: without an exponent, which few have anyway."""
    texts = list(map(str, numbers))
    return [format(number, "f") for number in numbers] if "E" in "".join(texts) else texts


class Replies:
    """Reads the answers to a tick: one line for each command."""

    def __init__(self, candles: int) -> None:
        self._left = COMMANDS_PER_CANDLE * candles
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> bool:
        """Parse received bytes; True once everything has arrived. Then raises the client's usual exception if an answer is an error."""
        if not data:
            raise RedisConnectionError("Connection closed by server.")
        self._parts.append(data)
        self._left -= data.count(b"\n")
        if self._left > 0:
            return False
        _, wrong, rest = (b"\n" + b"".join(self._parts)).partition(b"\n-")
        if wrong:
            message = rest.partition(b"\r\n")[0].decode(errors="replace")
            code, _, _ = message.partition(" ")
            raise _ERRORS.get(code, ResponseError)(message)
        return True
