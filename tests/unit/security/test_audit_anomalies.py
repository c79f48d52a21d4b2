"""Generated weeks of ordinary life with planted attacks: how many the declared rules find, and how often they are wrong.

The rules' bounds were chosen on seeds below 100; here they are judged on others.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from christmas.blueprint.audit_rules import AUDIT_RULES
from security.audit.anomalies import Anomaly, anomalies
from security.audit.events import UNKNOWN_ACCOUNT, Event

START = datetime(2026, 10, 5, tzinfo=UTC)
HISTORY_DAYS, DAYS, ATTACKS = 21, 30, 30
SEEDS = (101, 202, 303)
APPLICATION = ["10.20.0.5", "10.20.0.6"]
HOST = "10.20.0.1"


@dataclass
class Life:
    """Events of a stack that is used by people and programs."""

    dice: random.Random
    events: list[Event] = field(default_factory=list)

    def add(
        self, at: datetime, store: str, account: str, address: str, action: str, thing: str, outcome: str = "done", count: int = 1
    ) -> None:
        self.events.append(
            Event(f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z", store, account, address, action, thing, outcome, str(self.dice.randrange(9999)), count)  # type: ignore[arg-type]
        )

    def day(self, day: datetime) -> None:
        dice = self.dice
        for hour in range(24):
            at = day + timedelta(hours=hour, minutes=dice.randrange(50))
            for account in ("api", "ingest", "backtest"):
                for _ in range(dice.randrange(1, 5)):
                    self.add(at, "postgresql", account, dice.choice(APPLICATION), "login", "database")
                self.add(
                    at, "postgresql", account, dice.choice(APPLICATION), "write: insert", "table public.orders", count=dice.randrange(1, 60)
                )
            busy = 20 if 8 <= hour <= 20 else 3
            # People log in and look at their profiles.
            for table in ("users", "user_profiles"):
                self.add(
                    at, "postgresql", "api", APPLICATION[0], "read: select", f"table public.{table}", count=dice.randrange(1, 15 * busy)
                )
            self.add(
                at, "weaviate", "rag", dice.choice(APPLICATION), "read", "domain data, collection Docs", count=dice.randrange(1, 20 * busy)
            )
            for quarter in range(4):
                self.add(at + timedelta(minutes=quarter), "postgresql", "monitor", HOST, "login", "database")
            self.add(at, "postgresql", "backup", HOST, "login", "database")
            self.add(at, "postgresql", "postgres", "[local]", "login", "database")
            if hour == 3:
                # The day's dump.
                self.add(at, "postgresql", "backup", "127.0.0.1", "read: select", "table public.users", count=2)
        if day.weekday() < 5:
            for _ in range(dice.randrange(2, 9)):
                at = day + timedelta(hours=dice.randrange(8, 18), minutes=dice.randrange(60))
                self.add(at, "postgresql", "analyst", HOST, "login", "database")
            if dice.random() < 0.4:
                # Somebody mistypes a password, or asks for what is not theirs.
                at = day + timedelta(hours=10)
                self.add(at, "postgresql", "analyst", HOST, "login", "database", "denied", count=dice.randrange(1, 4))
                self.add(at, "postgresql", "analyst", HOST, "access", "table users", "denied", count=dice.randrange(1, 4))
            if dice.random() < 0.2:
                at = day + timedelta(hours=14)
                self.add(at, "postgresql", "migrator", HOST, "login", "database")
                self.add(at, "postgresql", "migrator", HOST, "ddl: alter table", "table public.orders", count=dice.randrange(1, 9))


def planted(life: Life, kind: str, at: datetime) -> None:  # noqa: PLR0912 - one case for each kind
    dice = life.dice
    match kind:
        case "new address":
            life.add(at, "postgresql", dice.choice(["api", "backtest"]), f"172.31.0.{dice.randrange(2, 250)}", "login", "database")
        case "failed logins":
            life.add(at, "postgresql", "api", dice.choice(APPLICATION), "login", "database", "denied", count=dice.randrange(5, 300))
        case "refused actions":
            for minute in range(4):
                life.add(
                    at + timedelta(minutes=minute), "redis", "api", APPLICATION[0], "key: get", "toplevel", "denied", dice.randrange(3, 90)
                )
        case "unknown account":
            life.add(at, "postgresql", UNKNOWN_ACCOUNT, APPLICATION[0], "login", "database", "denied")
        case "change of schema or rights":
            life.add(at, "postgresql", "api", APPLICATION[0], "ddl: create function", "function public.f")
        case "superuser":
            life.add(at, "postgresql", "postgres", APPLICATION[1], "login", "database")
        case "removals":
            life.add(at, "weaviate", "indexer", APPLICATION[0], "delete", "domain collections, collection Docs", count=dice.randrange(3, 9))
        case "events lost":
            life.add(at, "postgresql", "audit", "", "read the log", "log lines after then", "lost")
        case "unusual hour":
            life.add(at.replace(hour=2), "postgresql", "analyst", HOST, "login", "database")
        case "unusually busy":
            life.add(at, "weaviate", "rag", APPLICATION[0], "read", "domain data, collection Docs", count=dice.randrange(6_000, 90_000))
        case "mass read":
            account, address = dice.choice([("api", APPLICATION[0]), ("backup", HOST)])
            life.add(at, "postgresql", account, address, "read: select", "table public.users", count=dice.randrange(3_000, 90_000))
        case "read by an administrator":
            life.add(at, "postgresql", "migrator", HOST, "read: select", "table public.user_profiles")


KINDS = [
    "new address",
    "failed logins",
    "refused actions",
    "unknown account",
    "change of schema or rights",
    "superuser",
    "removals",
    "events lost",
    "unusual hour",
    "unusually busy",
    "mass read",
    "read by an administrator",
]


def judged(seed: int) -> tuple[list[tuple[str, str]], list[Anomaly]]:
    """Attacks that were found, as day and kind, and what was called an anomaly on a day without one of its kind."""
    life = Life(random.Random(seed))  # noqa: S311 - the same life for the same seed
    days = [START + timedelta(days=day) for day in range(HISTORY_DAYS + DAYS)]
    for day in days:
        life.day(day)
    attacked = {}
    for number, day in enumerate(life.dice.sample(days[HISTORY_DAYS:], ATTACKS)):
        attacked[f"{day:%Y-%m-%d}"] = KINDS[number % len(KINDS)]
        planted(life, KINDS[number % len(KINDS)], day + timedelta(hours=life.dice.randrange(9, 17), minutes=5))
    life.events.sort(key=lambda event: event.time)
    found, wrong = [], []
    for day in days[HISTORY_DAYS:]:
        today, border = f"{day:%Y-%m-%d}", f"{day - timedelta(days=30):%Y-%m-%d}"
        history = [event for event in life.events if border <= event.time[:10] < today]
        told = anomalies(history, [event for event in life.events if event.time.startswith(today)], AUDIT_RULES)
        if any(each.rule == attacked.get(today) for each in told):
            found.append((today, attacked[today]))
        wrong += [each for each in told if each.rule != attacked.get(today)]
    return found, wrong


@pytest.mark.parametrize("seed", SEEDS)
def test_attacks_are_found_and_ordinary_life_is_left_alone(seed: int) -> None:
    found, wrong = judged(seed)
    assert len(found) >= 28, f"seed {seed}: {sorted(kind for _, kind in found)}"
    assert len(wrong) <= DAYS, f"seed {seed}: {[each.words for each in wrong]}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_explained_in_words(kind: str) -> None:
    life = Life(random.Random(7))  # noqa: S311
    for day in range(12):
        life.day(START + timedelta(days=day))
    history = list(life.events)
    life.events.clear()
    planted(life, kind, START + timedelta(days=12, hours=11))
    if kind == "removals":
        life.events.append(life.events[0])
    (told,) = [anomaly for anomaly in anomalies(history, life.events, AUDIT_RULES) if anomaly.rule == kind]
    assert len(told.words) > 30
    assert kind == "events lost" or any(part in told.words for part in (told.account, "account"))


QUIET: dict[str, Callable[[Life, datetime], None]] = {
    "a mistyped password": lambda life, at: life.add(at, "postgresql", "analyst", HOST, "login", "database", "denied", count=3),
    "a migration": lambda life, at: life.add(at, "postgresql", "migrator", HOST, "ddl: drop table", "table public.old"),
    "a temporary table": lambda life, at: life.add(at, "postgresql", "backtest", APPLICATION[0], "ddl: create table", "table pg_temp.t"),
    "the superuser in its container": lambda life, at: life.add(at, "postgresql", "postgres", "[local]", "role: grant", "role"),
    "a busy morning": lambda life, at: life.add(at, "postgresql", "api", APPLICATION[0], "read: select", "table public.users", count=700),
    "one collection replaced": lambda life, at: life.add(
        at, "weaviate", "indexer", APPLICATION[0], "delete", "domain collections, collection Docs"
    ),
}


@pytest.mark.parametrize("ordinary", QUIET)
def test_ordinary_things_are_none(ordinary: str) -> None:
    life = Life(random.Random(7))  # noqa: S311
    for day in range(12):
        life.day(START + timedelta(days=day))
    history = list(life.events)
    life.events.clear()
    QUIET[ordinary](life, START + timedelta(days=12, hours=14))
    assert anomalies(history, life.events, AUDIT_RULES) == []
