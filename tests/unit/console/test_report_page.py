"""The page of `check.report`: whole, offline, small, and safe whatever a message says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from backup.sets.model import Manifest, SetKind
from console.report.gathered import Gathered
from console.report.page import page
from monitor.growth.trend import Reach, Trend
from monitor.result import CheckResult, Status
from schedule.growth import Growth, Limit, Size
from security.audit.anomalies import Anomaly
from security.audit.uses import AccountUse

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> & \"quoted\""


def manifest(number: int, parent: Manifest | None) -> Manifest:
    started = NOW - timedelta(hours=700 - number)
    kind: SetKind = "incremental" if parent else "full"
    return Manifest(
        id=f"{started:%Y%m%d-%H%M%S}-{kind}-{number:04}",
        sequence=number,
        stack="dev",
        kind=kind,
        parent=parent.id if parent else None,
        started=started,
        finished=started + timedelta(seconds=9),
        made_by="tests",
        stores=("redis",),
    )


def content(**changes: object) -> Gathered:
    """A month of a stack: hourly sets, weekly drills, a run of the checks every quarter of an hour."""
    sets: list[Manifest] = []
    for number in range(700):
        sets.append(manifest(number, sets[-1] if number % 24 else None))
    drills = [
        {
            "id": f"drill-{day}",
            "started": (NOW - timedelta(days=day)).isoformat(),
            "passed": day != 8,
            "restore_seconds": 21.5,
            "loss_seconds": {"postgres": 12.0},
        }
        for day in (22, 15, 8, 1)
    ]
    statuses = ["ok", "ok", "warning", "critical", "unknown"]
    runs = [
        {"at": (NOW - timedelta(minutes=15 * back)).isoformat(), "status": statuses[back // 600 % 5], "checks": 70, "not_ok": []}
        for back in range(2880, 0, -1)
    ]
    results = [
        CheckResult(name="postgres.answer", status=Status.OK, message="answers in 3 ms", value=3.0, unit="ms"),
        CheckResult(name="backup.copies", status=Status.WARNING, message=HOSTILE, next_step="invoke backup.copy"),
        CheckResult(name="host.disk", status=Status.CRITICAL, message="2 days until it is full", next_step="invoke backup.prune --dry-run"),
    ]
    anomaly = Anomaly("2026-11-29T10:00:00.0Z", "failed logins", "postgresql", "api", f"7 failed logins of {HOSTILE}")
    made = {
        "stack": "dev",
        "at": NOW,
        "results": results,
        "sets": sets,
        "drills": drills,
        "runs": runs,
        "accounts": [AccountUse("api", 12_345, 7), AccountUse(HOSTILE, 1, 1)],
        "anomalies": [anomaly],
        "growth": Growth(
            NOW - timedelta(days=3),
            70,
            [Size(f"table {HOSTILE}", 5e9, Trend(1e6, 9e5, 2e6)), Size("keyspace session", 12.0, None)],
            [Limit("redis.memory", 0.5, 0.9, Trend(0.1, 0.05, 0.2), Reach(4.0, 2.0, 8.0), "give it more")],
        ),
    }
    return Gathered(**(made | changes))  # type: ignore[arg-type]


def test_what_grows_is_told_with_its_limit() -> None:
    told = page(content())
    assert "in 4.0 days (2.0 days at the soonest, 8.0 days at the latest)" in told
    assert "+1.0 MB a day" in told
    assert "no trend yet" in told
    nothing = page(content(growth=Growth(None, 0, [], [])))
    assert "Nothing is recorded yet" in nothing


class Whole(HTMLParser):
    """Notes tags that are not closed, links and references."""

    EMPTY = frozenset({"meta", "br", "line", "rect", "circle", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def test_it_is_whole_small_and_asks_for_nothing() -> None:
    text = page(content())
    parsed = Whole()
    parsed.feed(text)
    assert parsed.open == []
    assert parsed.references == []
    assert not {"script", "img", "link", "iframe"} & set(parsed.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert len(text.encode()) < 1_000_000


def test_what_a_message_says_stays_text() -> None:
    text = page(content())
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_what_is_wrong_comes_first_worst_first_with_its_command() -> None:
    text = page(content())
    todo = text[text.index("What to do next") : text.index("Backup sets and drills")]
    assert re.findall(r"<b>(\w+): ([\w.]+)</b>", todo) == [("critical", "host.disk"), ("warning", "backup.copies")]
    assert "invoke backup.prune --dry-run" in todo
    assert "<title>critical: stack dev</title>" in text


def test_every_set_and_drill_is_drawn_and_runs_alike_are_one_stripe() -> None:
    text = page(content())
    assert text.count('class="set"') == 700
    assert text.count('class="mark ok"><title>drill') == 3
    assert text.count('class="mark critical"><title>drill-8: FAILED') == 1
    assert text.count("<rect") == 1 + 4


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sets": []}, "No backup set was made"),
        ({"runs": []}, "No run of the checks was recorded yet"),
        ({"accounts": [], "anomalies": []}, "The audit has no event"),
        ({"results": []}, "unknown: stack dev"),
        ({"drills": []}, "unknown"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, object], says: str) -> None:
    assert says in page(content(**changes))


def test_all_is_well_is_said() -> None:
    fine = [CheckResult(name="redis.answer", status=Status.OK, message="answers")]
    assert "Nothing: every check is ok." in page(content(results=fine))
