"""The page of `check.report` in a real browser: quiet, offline, narrow, by keyboard, and by axe-core's rules of accessibility."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.report.looks import Looks, Seen
from console.report.page import page
from console.report.server import EVERY_MINUTE, Server, running
from infra.connections import PageAccess
from infra.provider.certificates import issue_authority, issue_certificate
from monitor.exposition import Known, registry
from monitor.slow_statements import SlowStatements
from schedule.growth import Growth
from tests.support.browser import Browser, axe, browser
from tests.support.manifests import NOON
from tests.support.report_content import content
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

CONTENTS = {"a month": {}, "a new stack": {"results": [], "sets": [], "drills": [], "runs": [], "accounts": [], "anomalies": [],
                                           "growth": Growth(None, 0, [], []), "slow": SlowStatements()}}  # fmt: skip


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe(tmp_path_factory.mktemp("axe"))


@pytest.fixture(params=CONTENTS)
def opened(request: pytest.FixtureRequest, window: Browser, tmp_path: Path) -> Browser:
    """The page as a file, opened."""
    file = tmp_path / "report.html"
    file.write_text(page(content(**CONTENTS[request.param])))
    window.width(1280)
    window.open(file.as_uri())
    return window


def broken_rules(window: Browser, rules: str) -> dict[str, list[Any]]:
    """axe-core's findings by rule, with the elements."""
    window.run(rules)
    found = json.loads(window.run("axe.run().then(found => JSON.stringify(found))"))
    assert len(found["passes"]) > 10, "it looked at the page"
    return {broken["id"]: [node["html"][:200] for node in broken["nodes"]] for broken in found["violations"]}


def test_it_says_nothing_to_the_console_and_asks_for_nothing(opened: Browser) -> None:
    assert opened.said == []
    assert [url.partition(":")[0] for url in opened.asked] == ["file"]


def test_it_opens_within_a_second(opened: Browser, tmp_path: Path) -> None:
    url = opened.asked[0]

    def milliseconds() -> float:
        opened.open(url)
        return float(opened.run("performance.getEntriesByType('navigation')[0].loadEventEnd"))

    fastest = wait_for(lambda: next(filter(lambda took: took <= 1000, [milliseconds()]), None), "it opens within a second")
    print(f"opened in {fastest:.0f} ms, {(tmp_path / 'report.html').stat().st_size / 1000:.0f} kB")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_breaks_no_rule_of_accessibility(opened: Browser, rules: str, width: int, dark: bool) -> None:
    opened.width(width, dark=dark)
    opened.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert broken_rules(opened, rules) == {}


def test_rules_that_are_broken_are_found(window: Browser, rules: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text(page(content()).replace("--soft:#57606a", "--soft:#d0d0d0").replace('<html lang="en">', "<html>"))
    window.width(1280)
    window.open(file.as_uri())
    assert {"color-contrast", "html-has-lang"} <= broken_rules(window, rules).keys()


def test_nothing_is_wider_than_a_phone(opened: Browser) -> None:
    opened.width(360)
    opened.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.run("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    outside = """[...document.querySelectorAll('body *')].filter(each => !each.closest('.wide *, thead')
                 && each.getBoundingClientRect().right > 360.5).map(each => each.outerHTML.slice(0, 200))"""
    assert opened.run(outside) == []


def test_a_phone_shows_the_newest_days_and_what_each_figure_is(window: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(content()))
    window.width(360)
    window.open(file.as_uri())
    newest = "[...document.querySelectorAll('svg .set')].at(-1).getBoundingClientRect().right"
    assert 0 < window.run(newest) <= 360
    named = window.run("[...document.querySelectorAll('#audit ~ table td')].map(each => getComputedStyle(each, '::before').content)")
    assert {'"account: "', '"events: "', '"refused: "'} <= set(named)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_slow_query_shows_its_plan_unbroken_over_the_whole_width_when_it_is_opened(window: Browser, tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(content()))
    window.width(width)
    window.open(file.as_uri())
    plan, table = "document.querySelector('#slow ~ table details pre')", "document.querySelector('#slow ~ table')"
    assert window.run(f"{plan}.checkVisibility()") is False
    window.run("document.querySelector('#slow ~ table summary').focus()")
    window.press("Enter")
    assert window.run(f"{plan}.checkVisibility()") is True
    # Each of its lines is one on the screen, too: a wrapped one would make it higher.
    lines, height = window.run(f"[{plan}.textContent.split('\\n').length, {plan}.clientHeight]")
    assert lines > 1
    assert height < lines * 24
    needed, shown = window.run(f"[{plan}.scrollWidth, {plan}.clientWidth]")
    assert needed > 360, "it is wider than a phone, where it is moved"
    assert window.run(f"{table}.getBoundingClientRect().width") - shown < 40
    assert window.run("document.documentElement.scrollWidth") <= width


def test_everything_is_reached_by_keyboard_and_shows_that_it_is(opened: Browser) -> None:
    shown = "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter(each => each.checkVisibility())"
    wanted = opened.run(f"{shown}.length")
    assert wanted >= 3
    reached = []
    for _ in range(wanted):
        opened.press("Tab")
        reached.append(opened.run("document.activeElement.outerHTML.slice(0, 120)"))
        assert opened.run("getComputedStyle(document.activeElement).outlineStyle") != "none", reached[-1]
    assert len(set(reached)) == wanted
    opened.run("document.querySelector('summary').focus()")
    opened.press("Enter")
    assert opened.run("document.querySelector('details').open") is True


@contextlib.contextmanager
def served() -> Iterator[tuple[str, str]]:
    """A live page, and the header that its server wants."""
    key, authority = issue_authority("tests CA", 1)
    own, certificate = issue_certificate(key, authority, "page", ["localhost"], ["127.0.0.1"], 1)
    seen = Seen(page(content(), again=EVERY_MINUTE).encode(), registry(Known(at=NOON, results=[])))
    with running(Server(0, Looks(lambda: seen, 60), PageAccess(certificate, own, "secret"))) as server:
        yield server.url, "Basic cGFnZTpzZWNyZXQ="


def test_the_live_page_is_as_quiet_and_as_open_to_all(window: Browser, rules: str) -> None:
    with served() as (url, login):
        window.call("Security.setIgnoreCertificateErrors", ignore=True)  # that the authority counts is tested elsewhere
        window.call("Network.setExtraHTTPHeaders", headers={"Authorization": login})
        try:
            window.width(360)
            window.open(url)
            assert window.run("document.querySelector('h1').textContent.trim()").startswith("Stack dev")
            assert (window.said, {each.startswith(url) for each in window.asked}) == ([], {True})
            assert broken_rules(window, rules) == {}
            assert window.run("document.documentElement.scrollWidth") == 360
            window.run("document.querySelector('a').focus()")
            window.press("Enter")
            wait_for(lambda: window.run("location.pathname") == "/", "the link leads to the page again")
        finally:
            window.call("Network.setExtraHTTPHeaders", headers={})
            window.call("Security.setIgnoreCertificateErrors", ignore=False)
