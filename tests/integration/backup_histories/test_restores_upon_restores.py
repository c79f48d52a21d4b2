"""Random histories of PostgreSQL: rows, sets, restores beside and live, kills, pruning; what comes back is what the model says.

The seed is printed; CHRISTMAS_TEST_SEED runs one again, CHRISTMAS_TEST_HISTORIES says how many there are.
"""

import contextlib
import dataclasses
import itertools
import os
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from airgap.errors import PlatformError
from backup import live_log, sets
from backup.closing import settle
from backup.containers import execute
from backup.journal import Journal
from backup.prune import prune
from backup.restore import remove, restore
from backup.run import make
from blueprint.relational import DATABASE
from infra.clients import postgres
from infra.connections import Platform
from monitor.backups import judge_timeline
from tests.support.backup_faults import Sets
from tests.support.histories import Branch, Model

# Hypothesis begins with the simplest history there is, which is next to nothing. A step that restores takes five to twenty seconds, so
# that two hundred histories take hours: CHRISTMAS_TEST_HISTORIES=200.
FEW, SHORT = 2, 5
MANY, LONG = 12, 8
STAGES = [
    ("safety backup", 0.3),
    ("restoring postgres", 0.0),
    ("restoring postgres", 1.0),
    ("restoring postgres", 4.0),
    ("a full backup of the new timeline", 0.0),
    ("a full backup of the new timeline", 1.5),
]
NUMBERS = itertools.count(1)


def rows(platform: Platform) -> frozenset[str]:
    with postgres(platform, "backup") as connection:
        return frozenset(row[0] for row in connection.execute("select symbol from market_data where symbol like 'R%'").fetchall())


class Histories(RuleBasedStateMachine):
    """One history. Every rule leaves a platform that can be used, or one on which a restore has to be finished."""

    platform: Sets
    ended: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.made = dataclasses.replace(self.platform, folder=Path(tempfile.mkdtemp(prefix="history-", dir=self.platform.scratch)))
        empty = ["psql", "-X", "-U", "postgres", "-d", DATABASE, "-c", "delete from market_data where symbol like 'R%'"]
        execute(self.made.platform.containers["timescaledb"], empty)
        self.model = Model(Branch([(datetime.now(UTC), frozenset())]))
        self.moments: list[datetime] = []
        self.told: list[str] = []
        self._make("full")
        self.write()

    def _say(self, text: str) -> None:
        self.told.append(text)
        print(text, flush=True)

    def _make(self, kind: str | None) -> None:
        """A set, of which the model learns; where the timeline has none yet, it must be a full one."""
        owed = judge_timeline(live_log.ask(self.made.platform), sets.list_sets(folder=self.made.folder), None).status == "critical"
        manifest = make(self.made.platform, kind=kind, stores=["postgres"], folder=self.made.folder)  # type: ignore[arg-type]
        assert manifest or not owed
        if manifest:
            assert manifest.kind == "full" or not owed
            self._learn()

    def _learn(self, *, but: str = "") -> None:
        """Sets that came about: those of what is live now."""
        for each in sets.list_sets(folder=self.made.folder):
            if each.id not in self.model.made and each.id != but:
                assert each.postgres
                self.model.add(each.id, each.postgres.reference_point.at)

    def _target(self, data: st.DataObject) -> tuple[str, datetime | str | None]:
        """What `--to` says, and what the model calls it."""
        kind = data.draw(st.sampled_from(["moment", "latest", "set", "moment", "set", "early"]), label="target")
        if kind == "set":
            name = data.draw(st.sampled_from(sorted(self.model.made)), label="set")
            return name, name
        if kind == "latest":
            return "latest", None
        moment = (
            data.draw(st.sampled_from(self.moments), label="moment") if kind == "moment" else self.model.live.states[0][0] - timedelta(1)
        )
        return moment.isoformat(), moment

    def _refused(self, target: datetime | str | None) -> bool:
        return isinstance(target, datetime) and not self.model.reachable(target)

    @rule()
    def write(self) -> None:
        name = f"R{next(NUMBERS)}"
        with postgres(self.made.platform, "ingest") as connection:
            connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (name,))
        self.model.write(name, datetime.now(UTC))
        # A moment between two writes, to go back to.
        self.moments.append(datetime.now(UTC))
        self._say(f"write {name}")

    @rule(kind=st.sampled_from(["full", "incremental", None]))
    def back_up(self, kind: str | None) -> None:
        self._say(f"back up {kind}")
        self._make(kind)

    @rule(data=st.data())
    def restore_beside(self, data: st.DataObject) -> None:
        text, target = self._target(data)
        self._say(f"beside {text}")
        name = f"history-{secrets.token_hex(3)}"
        try:
            if self._refused(target):
                with pytest.raises(PlatformError, match=r"is from before|of every set that"):
                    restore(self.made.platform, text, stores=["postgres"], into=name, folder=self.made.folder)
                return
            restore(self.made.platform, text, stores=["postgres"], into=name, folder=self.made.folder)
            expected = self.model.made[target].now if isinstance(target, str) else self.model.live.now
            if isinstance(target, datetime):
                expected = self.model.live.at(target)
            assert rows(self.made.restored(name)) == expected
        finally:
            with contextlib.suppress(PlatformError):
                remove(name)

    @rule(data=st.data(), killed=st.none() | st.sampled_from(STAGES), goes_on=st.booleans())
    def restore_live(self, data: st.DataObject, killed: tuple[str, float] | None, goes_on: bool) -> None:
        text, target = self._target(data)
        self._say(f"live {text}, killed at {killed}")
        if self._refused(target):
            with pytest.raises(PlatformError, match="is from before"):
                restore(self.made.platform, text, stores=["postgres"], live=True, force=True, folder=self.made.folder)
            return
        before, earlier = set(self.model.made), live_log.ask(self.made.platform)
        if killed:
            stage, delay = killed
            self.made.killed("restore", stage, delay, to=text, stores=["postgres"], live=True, force=True)
            begun = Journal(self.made.folder).read()
            now = live_log.ask(self.made.platform)
            if begun is None and now and earlier and now.timeline == earlier.timeline:
                # Nothing was touched. A safety set may have come about all the same.
                self._learn()
                return
            if begun and begun.half:
                with pytest.raises(PlatformError, match="not finished"):
                    make(self.made.platform, folder=self.made.folder)
                restore(self.made.platform, text, stores=["postgres"], live=True, force=True, folder=self.made.folder)
        else:
            restore(self.made.platform, text, stores=["postgres"], live=True, force=True, folder=self.made.folder)
        self._after_live(target, before)
        if not settle(self.made.platform, self.made.folder):
            self.write()
            if goes_on:
                restore(self.made.platform, text, stores=["postgres"], live=True, force=True, folder=self.made.folder)
                self._learn()

    def _after_live(self, target: datetime | str | None, before: set[str]) -> None:
        """The safety sets are of the line that was left; the closing one, if it is there, of the new one."""
        now = live_log.ask(self.made.platform)
        assert now
        fresh = [each for each in sets.list_sets(folder=self.made.folder) if each.id not in before and each.postgres]
        for each in fresh:
            if each.postgres and each.postgres.timeline < now.timeline:
                self.model.add(each.id, each.postgres.reference_point.at)
        self.model.go_back(target)
        self.model.live.states.append((datetime.now(UTC), self.model.live.now))
        self._learn()

    @precondition(lambda self: len(self.model.made) > 3)
    @rule()
    def prune(self) -> None:
        """All but the newest full set and what follows it become old, and go."""
        self._say("prune")
        every = sets.list_sets(folder=self.made.folder)
        newest = max(place for place, each in enumerate(every) if each.kind == "full")
        for each in every[:newest]:
            self.made.aged(each, 300)
        prune(self.made.platform, folder=self.made.folder)
        self.model.forget({each.id for each in sets.list_sets(folder=self.made.folder)})

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "model"):
            assert rows(self.made.platform) == self.model.live.now, self.told

    def teardown(self) -> None:
        if hasattr(self, "model"):
            Histories.ended += 1
            self._say("end")


def go_through(made: Sets, histories: int, steps: int) -> int:
    """Go through random histories, each held against its model; returns how many there were to the end."""
    Histories.ended = 0
    number = int(os.environ.get("CHRISTMAS_TEST_SEED") or secrets.randbelow(2**32))
    print(f"CHRISTMAS_TEST_SEED={number}", flush=True)
    machine = seed(number)(type("Histories", (Histories,), {"platform": made}))
    how = settings(
        max_examples=int(os.environ.get("CHRISTMAS_TEST_HISTORIES") or histories),
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    # Without a least number of steps, the first histories are next to empty.
    run_state_machine_as_test(machine, settings=how, _min_steps=steps)
    return Histories.ended


def test_a_few_histories_end_as_the_model_says(platform_of_histories: Sets) -> None:
    assert go_through(platform_of_histories, FEW, SHORT)


@pytest.mark.exhaustive
def test_many_histories_end_as_the_model_says(platform_of_histories: Sets) -> None:
    assert go_through(platform_of_histories, MANY, LONG)
