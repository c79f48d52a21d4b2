"""`seed`: initial data, market data, documents, and searches in them."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from commands.task import platform_of, task
from core.runner import show_progress

_AS_MEASURED = -1.0
"""The certainty of a search that names none."""


def _seed(stack: str, names: list[str] | None, *, json: bool) -> int:
    from seed import everything
    from seed.show import show_reports

    with show_progress("seed") as progress:
        reports = everything.load(platform_of(stack), names, progress)
    return show_reports(reports, as_json=json)


@task(default=True, name="all")
def seed_all(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load everything: candles, indicators, demo users and orders, cache entries, documents. Run twice, it changes nothing.

    Example: invoke seed
    """
    return _seed(stack, None, json=json)


@task(
    name="market",
    words="files",
    long=("format", "date_format", "time_column", "epoch", "days", "decimal", "thousands", "encoding", "no_header", "round"),
    help={
        "files": "CSV (gzip, zstd, zip too) or Parquet, as words: seed.market a.csv b.csv. By default the sample candles.",
        "symbol": "For files of one symbol that have no such column.",
        "map": "Headers with other names: column=header,column=header; with --no-header the columns' numbers from 1.",
        "timezone": "Time zone of times without one, such as Asia/Seoul.",
        "format": "A known source, if the header doesn't show it: yahoo, stooq, binance-spot, metatrader4, … (docs/market-files.md).",
        "date-format": "dmy, mdy, ymd, or a strptime pattern such as '%d/%m/%Y %H:%M'.",
        "time-column": "Header of the time of day, if it has its own column.",
        "epoch": "Unit of epoch numbers: s, ms, us or ns.",
        "days": "Midnights of eastern time zones: local stores the day there, utc the moment.",
        "decimal": "The decimal mark: point or comma.",
        "thousands": "The mark between thousands: comma, point, blank, apostrophe or none.",
        "encoding": "Encoding of the text, if it is not UTF-8: cp949, cp1252, …",
        "no-header": "The first line is data; --map gives the columns' numbers.",
        "round": "Store prices of more than four decimals rounded, and count them.",
        "strict": "Stop at the first bad row, with nothing loaded.",
    },
)
def seed_market(
    _context: Context,
    files: list[str],
    stack: str = "",
    symbol: str = "",
    map: str = "",  # noqa: A002 - the option's name
    timezone: str = "UTC",
    *,
    strict: bool = False,
    json: bool = False,
    format: str = "",  # noqa: A002 - the option's name
    date_format: str = "",
    time_column: str = "",
    epoch: str = "",
    days: str = "",
    decimal: str = "",
    thousands: str = "",
    encoding: str = "",
    no_header: bool = False,
    round: bool = False,  # noqa: A002 - the option's name
) -> int:
    """Load candles from files, and write bad rows to a rejects file; exit code 1 if there are any.

    Example: invoke seed.market prices.csv.gz --symbol AAPL --timezone Asia/Seoul
    """
    if not files:
        return _seed(stack, ["market"], json=json)
    from migrations.upkeep.run import refresh_rollups
    from seed.candle_files.load import load_files
    from seed.candle_files.options import LoadOptions, parse_mapping
    from seed.show import show_load

    options = LoadOptions(
        symbol=symbol or None,
        mapping=parse_mapping(map),
        timezone=timezone,
        strict=strict,
        format=format or None,
        date_format=date_format,
        time_column=time_column,
        epoch=epoch,
        days=days,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding or None,
        no_header=no_header,
        round=round,
    )
    with show_progress("market data") as progress:
        platform = platform_of(stack)
        report = load_files(platform, [Path(file) for file in files], options, progress)
        refresh_rollups(platform, progress)
    return show_load(report, as_json=json)


@task(
    name="indicators",
    words="symbols",
    help={"symbols": "Only these, as words; every symbol with candles where not given.", "interval": "Of the candles: 5m, 1h or 1d."},
)
def seed_indicators(_context: Context, symbols: list[str], stack: str = "", interval: str = "1d", *, json: bool = False) -> int:
    """Compute SMA, EMA, RSI, MACD and Bollinger bands from the candles that are loaded; run twice, it changes nothing.

    Example: invoke seed.indicators AAPL IBM
    """
    from seed.indicators import load
    from seed.show import show_reports

    with show_progress("indicators") as progress:
        report = load(platform_of(stack), progress, symbols=symbols or None, interval=interval)
    return show_reports([report], as_json=json)


@task(name="demo")
def seed_demo(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load demo users with profiles, orders, trades and backtests.

    Example: invoke seed.demo
    """
    return _seed(stack, ["demo"], json=json)


@task(name="cache")
def seed_cache(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Load an entry of every Redis keyspace.

    Example: invoke seed.cache
    """
    return _seed(stack, ["cache"], json=json)


@task(
    name="docs",
    words="paths",
    help={
        "paths": "Files and folders, as words: seed.docs a.md notes. By default this project's guide.",
        "encoding": "Encoding of text without a mark that isn't UTF-8, such as cp1252 or cp949; without it, uncertain text is refused.",
        "allow_loss": "Change the collection although data would be lost.",
        "yes": "Don't ask before a run that costs money.",
        "schema": "A Weaviate schema (JSON) to use instead of the blueprint's; older words are translated, and reported.",
        "plan": "Only show what would happen to the collection.",
    },
)
def seed_docs(
    _context: Context,
    paths: list[str],
    stack: str = "",
    schema: str = "",
    encoding: str = "",
    *,
    allow_loss: bool = False,
    yes: bool = False,
    plan: bool = False,
    json: bool = False,
) -> int:
    """Load documents, writing only what changed and removing what is gone; exit code 1 if one can't be read.

    Example: invoke seed.docs handbook/ --plan
    """
    from seed.documents import load
    from seed.original_schema import collection_of
    from seed.schema_plan import planned
    from seed.show import agreed, show_plan, show_reports

    chosen = [Path(path) for path in paths] or None
    platform = platform_of(stack)
    with show_progress("documents") as progress:
        collection = collection_of(Path(schema) if schema else None, progress)
        if plan:
            return show_plan(planned(platform, collection), as_json=json)
        report = load(
            platform,
            chosen,
            progress,
            collection=collection,
            encoding=encoding or None,
            allow_loss=allow_loss,
            confirm=lambda loss: yes or agreed(loss),
        )
    return show_reports([report], as_json=json)


@task(
    name="search",
    positional=["question"],
    help={
        "question": "What to look for.",
        "certainty": "From 0 to 1; by default the bound measured for the stack's model.",
        "limit": "The largest number of passages.",
        "hybrid": "Search by words as well as by meaning.",
        "path": "Only files whose path begins with this.",
        "section": "Only under headings with these words.",
    },
)
def seed_search(
    _context: Context,
    question: str,
    stack: str = "",
    certainty: float = _AS_MEASURED,
    limit: int = 5,
    path: str = "",
    section: str = "",
    *,
    hybrid: bool = False,
    json: bool = False,
) -> int:
    """Find the passages of the documents that answer a question; exit code 1 if there is none.

    Example: invoke seed.search "How long does a session live?"
    """
    from seed.search import Mode, least_certainty, search
    from seed.show import show_hits

    mode = Mode.HYBRID if hybrid else Mode.MEANING
    platform = platform_of(stack)
    least = least_certainty(platform) if certainty == _AS_MEASURED else certainty
    hits = search(platform, question, certainty=least, limit=limit, mode=mode, path=path or None, section=section or None)
    return show_hits(hits, least, as_json=json)
