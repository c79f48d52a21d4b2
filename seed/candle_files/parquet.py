"""Reads candles from Parquet files, a few ten thousand rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import PlatformError
from seed.candle_files.batches import Batch, from_candles, microseconds
from seed.candle_files.fast import arrow, take
from seed.candle_files.judging import judge
from seed.candle_files.layout import Layout
from seed.candle_files.rejects import Reject
from seed.candle_files.seen import Seen
from seed.candle_files.survey import SAMPLE, Survey
from seed.candle_files.verdicts import BadRow, printable
from seed.candles import Candle

_ROWS = 65_536


def header(path: Path) -> list[str]:
    """The names of the file's columns.

    Raises PlatformError if it is not a complete Parquet file.
    """
    return list(_opened(path).schema_arrow.names)


def look_through(path: Path, layout: Layout, survey: Survey) -> None:
    """Show the file's rows to the survey: only the first ones if they settle everything. Damage is left to reading."""
    file = _opened(path)
    schema = file.schema_arrow
    typed = {name for name in schema.names if not _is_text(schema.field(name).type)}
    places = [*layout.places.values(), *([] if layout.clock is None else [layout.clock])]
    needed = list(dict.fromkeys(schema.names[place] for place in places))
    done = 0
    survey.note_types({place for place in places if schema.names[place] in typed})
    try:
        for rows in file.iter_batches(SAMPLE, columns=needed):
            columns = {name: _as_text(path, name, rows.column(name)).to_pylist() for name in needed}
            for number in range(rows.num_rows):
                values = [""] * layout.width
                for name, texts in columns.items():
                    values[schema.names.index(name)] = texts[number] or ""
                survey.add(done + number + 1, values)
            done += rows.num_rows
            if survey.settled:
                return
    except (OSError, arrow().ArrowException):
        return


def _is_text(kind: Any) -> bool:
    types = arrow().types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind))


def read(
    path: Path,
    layout: Layout,
    now: datetime,
    seen: Seen,
    refuse: Callable[[Reject], None],
    position: Callable[[int], None],
) -> Iterator[Batch]:
    """Every good row of the file, in batches; see `reading.read`.

    Rows are converted to the text of a CSV file, and judged by the same rules.
    """
    file = _opened(path)
    names = {column: file.schema_arrow.names[place] for column, place in layout.places.items()}
    if layout.clock is not None:
        names["clock"] = file.schema_arrow.names[layout.clock]
    # As a CSV file with just these columns.
    order = list(names)
    plain = replace(
        layout,
        places={column: place for place, column in enumerate(order) if column != "clock"},
        width=len(names),
        clock=order.index("clock") if "clock" in names else None,
    )
    total, size, done = file.metadata.num_rows, path.stat().st_size, 0
    try:
        for rows in file.iter_batches(_ROWS, columns=list(names.values())):
            table = arrow().table({column: _as_text(path, name, rows.column(name)) for column, name in names.items()})
            batch = _whole(path, table, plain, seen, now, done + 1) or _row_by_row(path, table, plain, now, seen, refuse, done + 1)
            done += table.num_rows
            position(size * done // max(total, 1))
            if batch is not None:
                yield batch
    except (OSError, arrow().ArrowException) as error:
        raise _damaged(path, error) from error


def _opened(path: Path) -> Any:
    try:
        return arrow("parquet").ParquetFile(path)
    except (OSError, arrow().ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> PlatformError:
    return PlatformError(
        f"the Parquet file is damaged or cut off: {str(error).splitlines()[0]}",
        where=str(path),
        next_step="fetch it again; rows before the damage are loaded",
    )


def _as_text(path: Path, name: str, column: Any) -> Any:
    pa, compute = arrow(), arrow("compute")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_date(column.type):
        return compute.strftime(compute.cast(column, pa.timestamp("s")), format="%Y-%m-%d")
    if pa.types.is_timestamp(column.type):
        try:
            column = compute.cast(column, pa.timestamp("us", tz=column.type.tz))
        except pa.ArrowInvalid:
            column = compute.cast(column, pa.timestamp("ns", tz=column.type.tz))  # finer than a microsecond: `judge` reports it
        return _moments(column) if column.type.tz else compute.strftime(column, format="%Y-%m-%dT%H:%M:%S")
    try:
        return compute.cast(column, pa.string())
    except pa.ArrowNotImplementedError:
        raise PlatformError(
            f"column {printable(name, 40)!r} is of type {printable(str(column.type), 80)}, which is no number, text or time",
            where=str(path),
            next_step="name another column with --map, or save it as numbers, text or times",
        ) from None


def _moments(column: Any) -> Any:
    """The moments in the column's zone: only there the midnight of an exchange's day is one. In UTC if the zone can't tell them."""
    pa, compute = arrow(), arrow("compute")
    in_utc = pa.timestamp(column.type.unit, tz="UTC")
    moments = compute.cast(column, in_utc)
    if column.type.tz not in {"UTC", "Etc/UTC", "GMT", "+00:00"}:
        try:
            text = compute.strftime(column, format="%Y-%m-%dT%H:%M:%S%z")
            if compute.cast(text, in_utc).equals(moments):  # not where the offset has seconds, as Seoul's had until 1908
                return text
        except pa.ArrowInvalid:
            pass  # a zone that is unknown here
    return compute.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ")


def _whole(path: Path, table: Any, layout: Layout, seen: Seen, now: datetime, first: int) -> Batch | None:
    if any(column.null_count for column in table.columns):
        return None
    pa, writer = arrow(), arrow("csv")
    sink = pa.BufferOutputStream()
    try:
        writer.write_csv(table, sink, writer.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:
        return None
    return take(str(path), first, bytes(sink.getvalue()), layout, seen, now)


def _row_by_row(
    path: Path,
    table: Any,
    layout: Layout,
    now: datetime,
    seen: Seen,
    refuse: Callable[[Reject], None],
    first: int,
) -> Batch | None:
    candles: list[Candle] = []
    lines: list[int] = []
    rounded = 0
    for number, row in enumerate(table.to_pylist(), first):
        fields = {name: value if value is not None else "" for name, value in row.items()}
        if layout.symbol is not None:
            fields["symbol"] = layout.symbol
        try:
            judged = judge(fields, layout.reading, now)
            if not seen.add(judged.candle.symbol, microseconds(judged.candle.timestamp)):
                raise BadRow("duplicate of an earlier row")
        except BadRow as reason:
            refuse(Reject(str(path), number, str(reason), ",".join(fields.values())[:2000]))
        else:
            candles.append(judged.candle)
            lines.append(number)
            rounded += judged.rounded
    return from_candles(str(path), candles, lines, rounded) if candles else None
