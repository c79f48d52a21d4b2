"""Lists fit terminals of any width, colours are optional, control characters are escaped."""

from __future__ import annotations

import io

import pytest

from core import terminal
from monitor.render import as_plugin, lines, show, text
from monitor.result import CheckResult, Status, bounded

LONG = "the certificate of 잔액조회 is not valid for christmas-dev-timescaledb.internal.example.org and " + "x" * 90
RESULTS = [
    CheckResult(name="postgres.reachable", status=Status.OK, message="answers at 127.0.0.1:15432"),
    CheckResult(name="redis.tls", status=Status.CRITICAL, message=LONG, next_step="invoke up --stack dev renews it"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("language", ["", "1"])
def test_a_list_fits_its_terminal_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, width: int, language: str) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", language)
    monkeypatch.setenv("TERM", "xterm")
    shown = text("dev", RESULTS, Terminal())
    assert ("\x1b[" in shown) == (not language)
    bare = __import__("re").sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(terminal.cells(line) for line in bare.splitlines()) <= width
    assert "".join(LONG.split()) in "".join(bare.split())
    assert "invokeup--stackdevrenewsit" in "".join(bare.split())


def test_a_dumb_terminal_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = text("dev", RESULTS, Terminal())
    assert "invoke up --stack dev renews it" in shown
    assert "\x1b" not in shown


def test_what_a_server_says_steers_no_terminal() -> None:
    evil = CheckResult(name="a", status=Status.WARNING, message="fine\x1b[2J\x1b]0;owned\x07 \x9b31m")
    for shown in (text("dev", [evil], Terminal()), lines("dev", [evil]), as_plugin("dev", [evil])):
        assert "fine\\x1b[2J\\x1b]0;owned" in shown
        assert "\x1b[2J" not in shown
        assert "\x1b]0" not in shown
        assert "\x9b" not in shown


@pytest.mark.parametrize(("value", "columns"), [("abc", 3), ("가나", 4), ("e\u0301", 1), ("", 0)])
def test_columns_are_counted_as_a_terminal_does(value: str, columns: int) -> None:
    assert terminal.cells(value) == columns


def test_one_line_for_a_monitoring_system_with_figures() -> None:
    found = [
        CheckResult(
            name="host.disk", status=Status.WARNING, message="5 % | free\nnow", value=0.05, unit="share", warn_from=0.1, critical_from=0.03
        ),
        CheckResult(name="redis.memory", status=Status.OK, message="fine", value=0.2, unit="share", warn_from=0.75, critical_from=0.9),
        CheckResult(name="backup.newest", status=Status.OK, message="fine", value=12.0, unit="seconds"),
        CheckResult(name="redis.tls", status=Status.UNKNOWN, message="cut"),
    ]
    line = as_plugin("dev", found)
    said, bar, figures = line.partition(" | ")
    assert bar
    assert said.startswith("CHRISTMAS UNKNOWN - 2 ok, 1 warning, 1 unknown (stack dev): redis.tls unknown: cut; host.disk warning:")
    assert figures == "'host.disk'=0.05;0.1:;0.03: 'redis.memory'=0.2;0.75;0.9 'backup.newest'=12s"
    assert "\n" not in line
    assert line.count("|") == 1


@pytest.mark.parametrize(
    ("value", "below", "status"),
    [(1, False, "ok"), (2, False, "warning"), (3, False, "critical"), (1, True, "critical"), (2, True, "critical")],
)
def test_a_figure_is_judged_by_its_bounds(value: float, below: bool, status: str) -> None:
    found = bounded(value, "x", "told", "do", warn=2, critical=3, below=below)
    assert found.status == status
    assert bool(found.next_step) == (status != "ok")
    assert (found.value, found.warn_from, found.critical_from) == (value, 2, 3)


def test_a_screen_that_is_too_low_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "6")
    stream = io.StringIO()
    terminal.redraw(stream, "\n".join(map(str, range(20))))
    assert stream.getvalue().startswith("\x1b[H\x1b[J0\n")
    assert stream.getvalue().rstrip().splitlines()[-1] == "… 16 more lines"


def test_a_pipe_gets_plain_lines() -> None:
    stream = io.StringIO()
    show("dev", RESULTS, stream)
    assert "invoke up --stack dev renews it" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
