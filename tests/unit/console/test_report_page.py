"""The page of `check.report`: whole, offline, small, and safe whatever a message says."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from console.report.page import page
from monitor.result import CheckResult, Status
from monitor.slow_statements import Planned, SlowStatements, Statement
from schedule.growth import Growth
from tests.support.report_content import content


def test_what_grows_is_told_with_its_limit() -> None:
    told = page(content())
    assert "in 4.0 days (2.0 days at the soonest, 8.0 days at the latest)" in told
    assert "+1.0 MB a day" in told
    assert "no trend yet" in told
    nothing = page(content(growth=Growth(None, 0, [], [])))
    assert "Nothing is recorded yet" in nothing


def test_slow_queries_have_figures_and_a_plan_or_a_reason() -> None:
    text = page(content())
    queries = text[text.index("id='slow'") : text.index("id='audit'")]
    assert "<code>select id from users where username = $1</code></td>" in queries
    assert "<details><summary>plan</summary><pre class='plan' tabindex='0' role='region' aria-label='plan'>Index Scan" in queries
    assert ">1,204</td>" in queries
    assert ">3.1 ms</td>" in queries
    assert ">42%</td>" in queries
    assert "no plan: relation &quot;gone&quot; does not exist" in queries
    long = Planned(Statement("api", f"select {'x' * 2000}", 0, 0.0, 0.0, "explain"), "Result")
    assert f"<code>{(long.statement.text or '')[:300]}...</code>" in page(content(slow=SlowStatements([long])))
    assert "could not be read: it is away" in page(content(slow=SlowStatements(failure="it is away")))


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
