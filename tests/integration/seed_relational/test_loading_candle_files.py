"""Files of candles, good and damaged, loaded into a real database by the account that may."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from christmas.blueprint.audited import NOT_AUDITED
from core.errors import PlatformError
from infra.connections import Platform
from seed.candle_files.fast import arrow
from seed.candle_files.load import LoadReport, load_files
from seed.candle_files.options import LoadOptions
from tests.support.cases import in_make_test
from tests.support.postgres_server import ScratchServer
from tests.support.waiting import wait_for

HEADER = "symbol,timestamp,open,high,low,close,volume"
START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)


@pytest.fixture
def platform(migrated_server: ScratchServer) -> Iterator[Platform]:
    yield migrated_server.platform
    empty(migrated_server.platform)


def empty(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute("truncate market_data")


def kept(platform: Platform) -> list[tuple[Any, ...]]:
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        return connection.execute(
            "select symbol, timestamp, open, high, low, close, volume from market_data order by symbol, timestamp"
        ).fetchall()


def row(number: int, symbol: str = "IBM") -> str:
    return f"{symbol},{(START + timedelta(minutes=number)).isoformat()},10.5,12.25,9.125,11,{number}"


def load(platform: Platform, path: Path, **options: Any) -> LoadReport:
    return load_files(platform, [path], LoadOptions(rejects_file=path.with_suffix(".rejects"), **options))


def rejected(path: Path) -> list[tuple[int, str]]:
    with path.with_suffix(".rejects").open(newline="") as text:
        return sorted((int(each["line"]), each["reason"]) for each in csv.DictReader(text))


def candles() -> dict[str, Any]:
    return {
        "symbol": ["IBM", "IBM", "FB"],
        "timestamp": [START, START + timedelta(minutes=1), START],
        "open": [10.5, 10.5, 10.5],
        "high": [12.25, 12.25, 12.25],
        "low": [9.125, 9.125, 9.125],
        "close": [11.0, 11.0, 11.0],
        "volume": [0, 1, 0],
    }


@pytest.mark.parametrize("form", ["csv", "gzip", "zstd", "parquet"])
def test_every_form_of_file_loads_the_same(platform: Platform, tmp_path: Path, form: str) -> None:
    text = f"{HEADER}\n{row(0)}\n{row(1)}\n{row(0, 'FB')}\n".encode()
    path = tmp_path / "candles"
    if form == "parquet":
        arrow("parquet").write_table(arrow().table(candles()), path)
    else:
        pack: dict[str, Callable[[bytes], bytes]] = {"csv": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}
        path.write_bytes(pack[form](text))
    report = load(platform, path)
    assert (report.loaded, report.rejected, report.skipped, report.rejects_file) == (3, 0, 0, None)
    prices = (Decimal("10.5"), Decimal("12.25"), Decimal("9.125"), 11)
    assert kept(platform) == [
        ("FB", START, *prices, 0),
        ("IBM", START, *prices, 0),
        ("IBM", START + timedelta(minutes=1), *prices, 1),
    ]
    again = load(platform, path)
    assert (again.loaded, again.skipped) == (0, 3)


def test_headers_symbol_zone_and_delimiter_are_the_users(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "seoul.csv"
    path.write_text("When;Extra;O;H;L;C;Volume\n2024-01-02 09:00;x;1;2;1;2;3\n2024-01-02 09:01;y;1;2;1;2;3\n")
    mapping = {"timestamp": "when", "open": "O", "high": "H", "low": "L", "close": "C"}
    assert load(platform, path, mapping=mapping, symbol="005930", timezone="Asia/Seoul").loaded == 2
    assert kept(platform)[0][:3] == ("005930", datetime(2024, 1, 2, 9, tzinfo=ZoneInfo("Asia/Seoul")), 1)


def test_local_times_are_read_alike_in_blocks_and_row_by_row(platform: Platform, tmp_path: Path) -> None:
    lines = [f"A,2024-{month:02d}-10 09:30,1,2,1,2,3" for month in range(1, 13)]
    fast, slow = tmp_path / "fast.csv", tmp_path / "slow.csv"
    fast.write_text("\n".join([HEADER, *lines]))
    # One quote, and the block is read row by row.
    slow.write_text("\n".join([HEADER, *lines]).replace("A,2024-01", '"A",2024-01'))
    assert load(platform, fast, timezone="America/New_York").loaded == 12
    assert load(platform, slow, timezone="America/New_York").skipped == 12


def test_rows_that_changed_are_changed_and_equal_ones_left(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEADER, *(row(number) for number in range(10))]))
    load(platform, path)
    path.write_text("\n".join([HEADER, *(row(number) for number in range(5)), *(row(number) + "0" for number in range(5, 12))]))
    report = load(platform, path)
    assert (report.loaded, report.skipped) == (7, 5)
    assert len(kept(platform)) == 12


# Each takes a good row and breaks it; the reason that has to be given.
DAMAGES = {
    "a field is missing": lambda text: text.rsplit(",", 1)[0],
    "too many fields": lambda text: text + ",1",
    "open is not a number": lambda text: text.replace("10.5", "ten"),
    "close is NaN": lambda text: text.replace(",11,", ",NaN,"),
    "high is below low": lambda text: text.replace("12.25", "9"),
    "open is outside low to high": lambda text: text.replace("10.5", "13"),
    "volume is below zero": lambda text: text.rsplit(",", 1)[0] + ",-1",
    "low is missing": lambda text: text.replace("9.125", ""),
    "time is in the future": lambda text: text.replace("2024-", "2924-"),
    "time zone is unknown": lambda text: text.replace("+00:00", " Mars/Base"),
    "symbol has 21 characters": lambda text: "X" * 21 + text[text.index(",") :],
    "symbol is missing": lambda text: text[text.index(",") :],
    "quotes don't match": lambda text: '"' + text,
    "text is not UTF-8": lambda text: "\udcff" + text,
}


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, set[tuple[str, int]], dict[int, str], str]:
    """A file, the (symbol, minute) of its good rows, the reason for each bad line, and how the file is packed."""
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    lines, good, bad = [HEADER], set[tuple[str, int]](), dict[int, str]()
    for number in draw(st.lists(st.integers(0, 30), max_size=25)):
        symbol = draw(st.sampled_from(["A", "B"]))
        what = draw(st.sampled_from([None, None, None, "blank", "quoted", *DAMAGES]))
        text = row(number, symbol)
        if what == "blank":
            lines.append("")
            continue
        line = len(lines) + 1
        if what == "quoted":
            text = ",".join(f'"{field}"' for field in text.split(","))
        elif what is not None:
            lines.append(DAMAGES[what](text))
            bad[line] = what
            continue
        lines.append(text)
        if (symbol, number) in good:
            bad[line] = "duplicate of an earlier row"
        good.add((symbol, number))
    data = (ending.join(lines) + draw(st.sampled_from(["", ending]))).encode("utf-8", errors="surrogateescape")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data, good, bad, draw(st.sampled_from(["csv", "gzip"]))


@pytest.mark.exhaustive
def test_damaged_files_load_exactly_their_good_rows(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    @settings(max_examples=200, suppress_health_check=list(HealthCheck), database=None)
    @given(files())
    def loads_the_good_and_names_the_bad(made: tuple[bytes, set[tuple[str, int]], dict[int, str], str]) -> None:
        data, good, bad, packed = made
        empty(platform)
        path.write_bytes(gzip.compress(data) if packed == "gzip" else data)
        report = load(platform, path)
        assert {(symbol, round((moment - START) / timedelta(minutes=1))) for symbol, moment, *_ in kept(platform)} == good
        assert (report.loaded, report.rejected) == (len(good), len(bad))
        found = rejected(path) if bad else []
        assert [line for line, _ in found] == sorted(bad)
        assert all(reason.startswith(bad[line]) for line, reason in found)

    loads_the_good_and_names_the_bad()


def test_strictly_the_first_bad_row_ends_it_with_nothing_loaded(platform: Platform, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("\n".join([HEADER, *(row(number) for number in range(50))]))
    bad.write_text("\n".join([HEADER, *(row(number, "B") for number in range(50)), row(60).replace("12.25", "1")]))
    with pytest.raises(PlatformError, match="a row is bad: high is below low") as caught:
        load_files(platform, [good, bad], LoadOptions(strict=True))
    assert "bad.csv, line 52" in str(caught.value)
    assert kept(platform) == []
    assert load_files(platform, [good], LoadOptions(strict=True)).loaded == 50


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "header doesn't give: symbol (missing)"),
        (b"\n" + row(1).encode(), "has no header line"),
        (b"PAR1 not really", "Parquet file is damaged"),
    ],
)
def test_a_file_unfit_to_load_is_named_before_anything_is_loaded(
    platform: Platform, tmp_path: Path, content: bytes | None, message: str
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"{HEADER}\n{row(1)}\n")
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(PlatformError) as caught:
        load_files(platform, [good, bad])
    assert message in str(caught.value)
    assert "bad.csv" in caught.value.where
    assert kept(platform) == []


@pytest.mark.parametrize("pack", in_make_test([gzip.compress, zstandard.compress], 0))
def test_a_file_cut_off_is_named_after_the_others_are_loaded(platform: Platform, tmp_path: Path, pack: Any) -> None:
    good, cut = tmp_path / "good.csv", tmp_path / "cut.csv.gz"
    good.write_text(f"{HEADER}\n{row(1)}\n")
    whole = pack("\n".join([HEADER, *(row(number, "B") for number in range(50_000))]).encode())
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PlatformError, match="damaged or cut off") as caught:
        load_files(platform, [cut, good])
    assert "cut.csv.gz" in caught.value.where
    assert ("IBM", START + timedelta(minutes=1)) in {each[:2] for each in kept(platform)}


@pytest.mark.exhaustive
def test_a_load_that_is_killed_completes_when_run_again(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEADER, *(row(number, f"S{number % 7}") for number in range(250_000))]))
    # The program gets the platform, secrets included, through its standard input.
    program = (
        "import pickle, sys, pathlib\n"
        "from seed.candle_files.load import load_files\n"
        "load_files(pickle.load(sys.stdin.buffer), [pathlib.Path(sys.argv[1])])\n"
    )
    import pickle

    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(pickle.dumps(platform))
        child.stdin.close()
        wait_for(lambda: kept_count(platform) or child.poll() is not None, "the first rows are there", pause=0.01)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    before = settled_count(platform)
    assert 0 < before < 250_000
    report = load(platform, path)
    assert (report.loaded, report.skipped) == (250_000 - before, before)
    assert kept_count(platform) == 250_000


def kept_count(platform: Platform) -> int:
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        found = connection.execute("select count(*) from market_data").fetchone()
    return int(found[0]) if found else 0


def settled_count(platform: Platform) -> int:
    """The number of rows once the server has noticed that its client is gone."""
    busy = "select from pg_stat_activity where usename = 'ingest'"
    with psycopg.connect(platform.postgres_url("migrator"), autocommit=True) as connection:
        wait_for(lambda: connection.execute(busy).fetchone() is None, "the killed client's sessions are gone")
    return kept_count(platform)


def test_two_loads_of_the_same_file_at_once_neither_fail_nor_double(platform: Platform, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEADER, *(row(number, f"S{number % 3}") for number in range(30_000))]))
    with ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda _: load_files(platform, [path]), range(2)))
    assert sum(report.loaded for report in reports) == 30_000
    assert sum(report.skipped for report in reports) == 30_000
    assert kept_count(platform) == 30_000


def test_several_files_load_side_by_side(platform: Platform, tmp_path: Path) -> None:
    paths = []
    for name in "ABCD":
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join([HEADER, *(row(number, name) for number in range(2000))]))
        paths.append(path)
    assert load_files(platform, paths).loaded == 8000


def test_the_report_is_json_with_its_promised_keys(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{row(1)}\n{row(1)}\n")
    report = load(platform, path)
    text = json.loads(json.dumps(report.as_dict()))
    assert set(text) == {"loaded", "rejected", "skipped", "seconds", "rejects_file", "rounded", "read_as"}
    assert (text["loaded"], text["rejected"], text["rejects_file"]) == (1, 1, str(path.with_suffix(".rejects")))
    assert "1 loaded, 0 unchanged, 1 rejected" in str(report)


def test_an_account_whose_writes_are_audited_loads_without_ending_the_server(
    platform: Platform, migrated_server: ScratchServer, tmp_path: Path
) -> None:
    """As on a stack that was made before the account was exempt: a COPY straight into the hypertable would crash the server."""
    with migrated_server.admin() as connection:
        connection.execute("alter role ingest reset all")
        (before,) = connection.execute("select pg_postmaster_start_time(), count(*) from pg_stat_activity group by 1").fetchall()
        try:
            path = tmp_path / "a.csv"
            path.write_text("\n".join([HEADER, *map(row, range(100))]))
            assert load(platform, path).loaded == 100
            assert len(kept(platform)) == 100
        finally:
            for setting, value in NOT_AUDITED:
                connection.execute(sql.SQL("alter role ingest set {} = {}").format(sql.Identifier(setting), sql.Literal(value)))
        assert connection.execute("select pg_postmaster_start_time()").fetchone() == (before[0],)


def test_the_loading_account_is_exempt_from_what_crashes_the_server(platform: Platform) -> None:
    with psycopg.connect(platform.postgres_url("ingest")) as connection:
        assert connection.execute("show pgaudit.log").fetchone() == ("none",)
        with connection.cursor() as cursor, cursor.copy("copy market_data (symbol, timestamp) from stdin") as copy:
            copy.write_row(("IBM", "2024-01-02Z"))
        assert connection.execute("select count(*) from market_data").fetchone() == (1,)
