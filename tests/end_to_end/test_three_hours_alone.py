"""A stack that is left alone for three hours keeps every promise of its blueprint, whatever ends, stops, sleeps or is set meanwhile.

An hour takes a minute here, or longer where the machine needs a quarter of a minute for a set: every interval of the blueprint is
divided alike (tests/support/hurried). Stores, sets, drills, checks and processes are the real ones. What takes the machine a minute takes
it an hour of the stack's time, so delays are what this looks at. Each test leaves the stack caught up with its work.
"""

import contextlib
import itertools
import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest

from backup.drill import history as drills
from backup.sets import folders
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from christmas.blueprint.services import SERVICES
from core import lock, temporary
from monitor import signs
from schedule import history, keeper
from schedule.service import DELAYS
from schedule.task import HISTORY
from tests.end_to_end.conftest import Stack
from tests.end_to_end.leftovers import remove_test_stacks
from tests.support.engine_forwarder import forward
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(3600)]

HURRIED = Path(__file__).resolve().parents[1] / "support" / "hurried"
SHORTEST_HOUR = timedelta(minutes=1)
SETS_IN_AN_HOUR = 4
SECONDS = 3600


class Alone:
    """A stack that keeps itself in a hurry, and what it has written down so far."""

    def __init__(self, stack, engine, clock, hour):
        self.stack = stack
        self.engine = engine
        self.clock = clock
        self.hour = hour
        self.late = SCHEDULE_RULES.late_after * (hour / timedelta(hours=1))
        self.folder = signs.folder_of(stack.name)
        self.sets_folder = folders.folder_of(stack.name)

    def sets(self):
        return folders.list_sets(folder=self.sets_folder)

    def delays(self):
        return history.read(self.folder / DELAYS)

    def checks(self):
        return history.read(self.folder / HISTORY)

    def log(self):
        return keeper.log_of(self.stack.name).read_text()

    def child(self):
        return lock.process_of(self.folder)

    def keeping(self):
        return lock.process_of(self.folder / "keeper")

    def passes(self, span, since=None):
        """Wait until so much of the machine's time is over, however long the stack's hour is."""
        since = since or datetime.now(UTC)
        wait_for(lambda: datetime.now(UTC) - since > span, f"{span} are over", SECONDS)

    def told(self, name, *, after):
        """A delay of this name that was written after so many lines."""
        return wait_for(lambda: [delay for delay in self.delays()[after:] if delay["name"] == name], f"a delay is told: {name}", SECONDS)

    def jumps(self, count, *, after):
        """What was told of a clock that was set, once that happened so often; work that was late by it has lines of its own."""

        def told():
            return [delay for delay in self.delays()[after:] if delay["name"] == "clock set" and not delay["work"]]

        wait_for(lambda: len(told()) >= count, f"the clock was set {count} times", SECONDS)
        return told()

    def catches_up(self):
        """Wait for a look of every kind of work that begins now, and for a set that is younger than now."""
        now = datetime.now(UTC)

        def done():
            told = signs.read(self.folder)
            works = told.works if told else {}
            return all((each := works.get(work)) and each.done and each.done > now and not each.failures for work in WORKS)

        wait_for(done, "every kind of work is in order again", SECONDS)
        wait_for(lambda: self.sets()[-1].started > now, "the next set is made", SECONDS)

    def containers(self):
        label = f"com.christmas.stack={self.stack.name}"
        return docker.from_env().containers.list(all=True, ignore_removed=True, filters={"label": label})

    def is_well(self):
        checked = self.stack.invoke("check", "--only", "schedule.alive", check=False)
        assert checked.returncode == 0, checked.stdout


WORKS = ("backup", "upkeep", "drill", "check")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A stack of its own with its schedule in a hurry: what is killed, stopped and set here is nobody else's."""
    clock = tmp_path_factory.mktemp("clock") / "moved"
    clock.write_text("0")
    name = f"test-alone-{os.getpid()}"
    # Not in pytest's folders: the path of a socket has 108 bytes at most.
    with temporary.folder("alone") as folder, forward(folder / "engine") as engine:
        yield from kept_in_a_hurry(name, engine, clock, tmp_path_factory.mktemp("state"))


def kept_in_a_hurry(name, engine, clock, state):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CHRISTMAS_"))} | {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "DOCKER_HOST": engine.url,
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests' own",
        "CHRISTMAS_STACK": name,
        "CHRISTMAS_START_AT_BOOT": "off",
    }
    calm = Stack(name, environment | {"CHRISTMAS_SCHEDULE": "off"})
    try:
        calm.invoke("up")
        calm.invoke("migrate")
        calm.invoke("seed.market")
        began = time.monotonic()
        calm.invoke("backup", "--full")
        hour = max(SHORTEST_HOUR, timedelta(seconds=time.monotonic() - began) * SETS_IN_AN_HOUR)
        hurry = {"PYTHONPATH": str(HURRIED), "HURRIED_CLOCK": str(clock), "HURRIED_BY": str(timedelta(hours=1) / hour)}
        made = Alone(Stack(name, environment | hurry), engine, clock, hour)
        assert "runs (process" in made.stack.invoke("schedule.start").stdout
        yield made
    finally:
        with contextlib.suppress(Exception):
            calm.invoke("down", "--volumes", "--yes")
            calm.pulumi("stack", "rm", "--yes")
        keeper.stop(name, now=True)
        remove_test_stacks(name)


def test_three_hours_have_what_the_blueprint_promises(alone):
    began = time.monotonic()
    wait_for(lambda: drills(alone.sets_folder), "a drill was made", SECONDS)
    wait_for(
        lambda: time.monotonic() - began > 3 * alone.hour.total_seconds() and len(alone.checks()) >= 4, "three hours are over", SECONDS
    )
    made = alone.sets()
    assert [each.kind for each in made][:1] == ["full"]
    assert {each.kind for each in made[1:]} == {"incremental"}
    assert drills(alone.sets_folder)[-1]["passed"]
    # Each set comes when the one before is an hour old: never earlier, and later only by what is told.
    told = alone.delays()
    for before, after in itertools.pairwise(made):
        age = after.started - before.started
        assert age >= BACKUP_RULES.incremental_every * (alone.hour / timedelta(hours=1))
        late = age - BACKUP_RULES.incremental_every * (alone.hour / timedelta(hours=1))
        named = [each for each in told if each["work"] == "backup" and each["name"] != "unexplained"]
        assert late < alone.late * 2 or named, (before.id, after.id, late, told)
    alone.stack.run("python", "-c", CHANGE)
    wait_for(
        lambda: json.loads(alone.stack.run("python", "-c", ROLLUPS).stdout) == {"rows": 1, "pending": 0}, "the rollups have it", SECONDS
    )
    alone.is_well()


CHANGE = """
from infra import connections
from infra.clients import postgres
with postgres(connections.load(None), "ingest") as connection:
    connection.execute(
        "insert into market_data (symbol, timestamp, open, high, low, close, volume)"
        " values ('ALONE', now() - interval '2 days', 1, 2, 1, 1.5, 10)"
    )
"""
ROLLUPS = """
import json
from infra import connections
from infra.clients import postgres
from migrations.upkeep.run import pending
with postgres(connections.load(None), "migrator") as connection:
    rows = connection.execute("select count(*) from candles_1d where symbol = 'ALONE'").fetchone()[0]
    print(json.dumps({"rows": rows, "pending": pending(connection)}))
"""


def test_a_schedule_that_is_killed_begins_again_at_once_and_one_whose_keeper_is_killed_is_told(alone):
    before = len(alone.delays())
    child = alone.child()
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: alone.child() not in {None, child}, "the keeper starts another")
    os.kill(alone.keeping(), signal.SIGKILL)
    wait_for(lambda: not signs.runs(alone.folder), "the schedule finishes its run and ends with its keeper", SECONDS)
    last = signs.read(alone.folder)
    assert last
    alone.passes(2 * alone.late, last.at)
    checked = alone.stack.invoke("check", "--only", "schedule.alive", check=False)
    assert checked.returncode == 2
    alone.stack.invoke("schedule.start")
    assert alone.told("killed", after=before)
    alone.catches_up()
    alone.is_well()


def test_a_machine_that_sleeps_is_caught_up_with(alone):
    before = len(alone.delays())
    for process in (alone.keeping(), alone.child()):
        os.kill(process, signal.SIGSTOP)
    alone.passes(alone.hour)
    for process in (alone.child(), alone.keeping()):
        os.kill(process, signal.SIGCONT)
    assert alone.told("stood still", after=before)
    alone.catches_up()
    alone.is_well()


@pytest.mark.parametrize("engine", [False, True], ids=["the stores alone", "their engine as well"])
def test_stores_that_are_killed_and_come_back_are_a_named_delay_and_nothing_more(alone, engine):
    before, count, failed = len(alone.delays()), len(alone.sets()), alone.log().count("upkeep: FAILED")
    containers = alone.containers()
    assert len(containers) >= len(SERVICES)
    if engine:
        alone.engine.stop()
    for container in containers:
        container.kill()
    wait_for(lambda: alone.log().count("upkeep: FAILED") > failed, "what needs the stores fails", SECONDS)
    alone.passes(alone.hour + alone.late)
    assert len(alone.sets()) <= count + 1
    if engine:
        alone.engine.start()
    for container in containers:
        container.start()
    assert alone.told("failed", after=before)
    alone.catches_up()
    alone.is_well()


@pytest.mark.parametrize("hours", [5, -5], ids=["forward", "back"])
def test_a_clock_that_is_set_makes_nothing_twice_and_stops_nothing(alone, hours):
    before, count = len(alone.delays()), len(alone.sets())
    alone.clock.write_text(str(hours * alone.hour.total_seconds()))
    (jump,) = alone.jumps(1, after=before)
    assert abs(jump["seconds"] - hours * alone.hour.total_seconds()) < 30
    wait_for(lambda: len(alone.sets()) > count, "a set is made on the new clock", SECONDS)
    # Sets are numbered: their order does not follow the clock.
    numbers = [manifest.id for manifest in alone.sets()]
    assert len(numbers) == len(set(numbers))
    alone.clock.write_text("0")
    assert len(alone.jumps(2, after=before)) == 2
    wait_for(lambda: alone.sets()[-1].started <= datetime.now(UTC) and len(alone.sets()) > count + 1, "and one on the right clock", SECONDS)
    alone.is_well()


def test_nothing_ever_ran_twice_and_what_was_written_is_bounded_and_of_nobody(alone):
    log = alone.log()
    made = [line for line in log.splitlines() if " backup: made " in line]
    assert len(made) == len({line.split("made ")[1].split(",")[0] for line in made})
    # One was made before the schedule began, and one may be made but not yet written down.
    assert len(alone.sets()) <= len(made) + 2
    assert folders.leftovers(alone.sets_folder) == []
    written = log + "".join((alone.folder / name).read_text() for name in (DELAYS, HISTORY, "signs.json"))
    for secret in ("hunter2", "@example.org", "postgresql://", "rediss://", "a passphrase of the tests' own"):
        assert secret not in written
    for name in ("log", DELAYS, HISTORY, "signs.json"):
        assert (alone.folder / name).stat().st_mode & 0o077 == 0
