"""What is ordinary is learned once for each finished day, and is the same however often it was read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from christmas.blueprint.audit_rules import AUDIT_RULES
from security.audit import habits
from security.audit.anomalies import Anomaly, since
from security.audit.chain import Chain
from security.audit.events import Event

BEGAN = datetime(2026, 11, 1, 9, tzinfo=UTC)
DAYS = 14
BORDER = BEGAN + timedelta(days=DAYS, hours=-3)


def read(at: datetime, count: int, account: str = "api", address: str = "10.0.0.9") -> Event:
    return Event(f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z", "postgresql", account, address, "read: select", "table public.users", "done", "1", count)


def add(chain: Chain, event: Event, now: datetime) -> None:
    with chain.adding():
        chain.add([event], {}, now)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Two weeks in which `api` read a hundred times each morning."""
    made = Chain(tmp_path / "audit")
    for day in range(DAYS):
        at = BEGAN + timedelta(days=day)
        add(made, read(at, 100), at)
    return made


def learned(chain: Chain) -> habits.Everybodys:
    return habits.before(chain, BEGAN, BORDER)


def test_what_was_kept_says_the_same_as_the_audit(chain: Chain) -> None:
    early = BORDER - timedelta(hours=2)
    add(chain, read(early, 7), early)
    first = learned(chain)
    kept = list((chain.folder / "habits").glob("*.json"))
    assert len(kept) == DAYS, "the day that isn't over is not kept"
    assert learned(chain) == first
    assert habits.habits(chain.events()) == first


def test_what_was_kept_is_what_is_read(chain: Chain) -> None:
    learned(chain)
    kept = sorted((chain.folder / "habits").glob("*.json"))[0]
    kept.write_text(kept.read_text().replace("10.0.0.9", "10.9.9.9"))
    assert "10.9.9.9" in str(learned(chain))


@pytest.mark.parametrize("damage", ["{", "[]", '{"form": 0, "size": 1, "accounts": []}', '{"form": 1}', "null"])
def test_what_is_not_whole_is_learned_anew(chain: Chain, damage: str) -> None:
    first = learned(chain)
    kept = sorted((chain.folder / "habits").glob("*.json"))[0]
    kept.write_text(damage)
    assert learned(chain) == first
    assert json.loads(kept.read_text())["accounts"]


def test_a_day_whose_file_grew_is_learned_anew(chain: Chain) -> None:
    learned(chain)
    day = chain.files()[3]
    line = day.read_text()
    day.write_text(line + line.replace('"api"', '"app"'))
    assert "'app'" in str(learned(chain))


def test_what_a_pruned_day_told_goes_with_it(chain: Chain) -> None:
    learned(chain)
    chain.files()[0].unlink()
    learned(chain)
    assert len(list((chain.folder / "habits").glob("*.json"))) == DAYS - 1


def told(chain: Chain, event: Event, at: datetime) -> list[Anomaly]:
    add(chain, event, at)
    return since(chain, BORDER, AUDIT_RULES)


@pytest.mark.parametrize(("count", "rules"), [(499, []), (500, ["mass read", "unusually busy"])])
def test_far_more_reads_than_ever_are_told_from_the_bound_on(chain: Chain, count: int, rules: list[str]) -> None:
    at = BEGAN + timedelta(days=DAYS)
    assert sorted(each.rule for each in told(chain, read(at, count), at)) == rules


@pytest.mark.parametrize(("count", "rules"), [(4999, []), (5000, ["mass read"])])
def test_an_account_without_a_history_has_a_bound_as_well(chain: Chain, count: int, rules: list[str]) -> None:
    at = BEGAN + timedelta(days=DAYS)
    found = told(chain, read(at, count, "backup"), at)
    assert [each.rule for each in found] == rules
    assert all("too few to compare" in each.words for each in found)


@pytest.mark.parametrize("account", ["migrator", "postgres"])
def test_one_read_by_an_administrator_is_told(chain: Chain, account: str) -> None:
    at = BEGAN + timedelta(days=DAYS)
    (found,) = told(chain, read(at, 1, account, "[local]"), at)
    assert (found.rule, found.account) == ("read by an administrator", account)
    assert "table public.users" in found.words
