"""What to type for a file whose header isn't understood: a known format, or a mapping that its names suggest. Nothing is loaded by it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from itertools import zip_longest

from seed.candle_files.formats import FORMATS, Format
from seed.candle_files.options import LoadOptions
from seed.candle_files.verdicts import printable

# Parts of names that tell, in lower case, the most telling first.
_PARTS = {
    "symbol": ("symbol", "ticker", "instrument"),
    "timestamp": ("date", "time", "datum", "day"),
    "open": ("open",),
    "high": ("high", "max"),
    "low": ("low", "min"),
    "close": ("close", "last", "settle"),
    "volume": ("vol", "quantity", "qty"),
}
_SHOWN = 20


def found_columns(header: Sequence[str], example: Sequence[str]) -> str:
    """The file's columns, each with its value in the first row after the header."""
    named = (
        (name.strip() or "no name", value.strip()[:_SHOWN]) for name, value in zip_longest(header, example[: len(header)], fillvalue="")
    )
    return printable(", ".join(f"{name} ({value})" if value else name for name, value in named))


def next_step(header: Sequence[str], used: Collection[int | None], missing: Sequence[str], options: LoadOptions) -> str:
    """The options that would make the file readable, as far as the names tell; `used` are the places that have been matched."""
    known = None if options.format or options.mapping else _known(header, missing)
    free = [name for place, name in enumerate(header) if place not in used]
    symbol = _header_of("symbol", free) if "symbol" in missing else None
    mapping = {column: _header_of(column, free) for column in missing if column != "symbol" and not known}
    if symbol:
        mapping["symbol"] = symbol
    parts = [f"--format {known.name}"] if known else []
    if mapping:
        pairs = {**options.mapping, **{column: name or "HEADER" for column, name in mapping.items()}}
        parts.append(f"--map {shlex.quote(','.join(f'{column}={name}' for column, name in pairs.items()))}")
    if "symbol" in missing and not symbol:
        parts.append("--symbol SYMBOL; where a column has symbols, name it in --map: symbol=HEADER")
    sure = f", if it is from {known.source}" if known else ", if these are the right ones" if any(mapping.values()) else ""
    return f"add{sure}: {' '.join(parts)}"


def _known(header: Sequence[str], missing: Sequence[str]) -> Format | None:
    """A format whose headers the file has, spelled otherwise than the source spells them."""
    names = {name.strip().lower() for name in header}
    wanted = set(missing) - {"symbol"}
    fitting = [
        file_format
        for file_format in FORMATS
        if wanted <= file_format.headers.keys() and {name.lower() for name in file_format.headers.values()} <= names
    ]
    return fitting[0] if wanted and fitting else None


def _header_of(column: str, header: Sequence[str]) -> str | None:
    """The one header that may be meant: a known format's, else one with a telling part. --map can't write a comma."""
    free = [name.strip() for name in header if name.isprintable() and not {",", "="} & set(name)]
    sources = {file_format.headers[column].lower() for file_format in FORMATS if file_format.headers.get(column)}
    for part in (None, *_PARTS[column]):
        matching = [name for name in free if (name.lower() in sources if part is None else part in name.lower())]
        if len(matching) == 1:
            return matching[0]
    return None
