"""From `invoke up` on a stack looks after itself, and says when it doesn't."""

import dataclasses
import os
import signal

import pytest

from christmas.blueprint.keyspaces_and_ttls import USER_PREFERENCES
from core import lock
from infra import clients
from monitor import signs
from schedule import history
from schedule.task import HISTORY
from tests.support.waiting import wait_for

ENDLESS = USER_PREFERENCES.key(424242)


@pytest.fixture
def kept(stack):
    """The same stack with its schedule; it is stopped afterwards."""
    environment = {key: value for key, value in stack.environment.items() if key != "CHRISTMAS_SCHEDULE"}
    environment["CHRISTMAS_START_AT_BOOT"] = "off"  # a test's stack is no business of the machine's start
    made = dataclasses.replace(stack, environment=environment)
    yield made
    made.invoke("schedule.stop", "--now")


@pytest.mark.exhaustive
def test_what_is_due_is_done_after_up_and_a_dead_schedule_is_critical(kept):
    with clients.redis_client(kept.platform(), "api") as client:
        client.set(ENDLESS, "{}")
    brought_up = kept.invoke("up").stdout
    assert "the schedule of stack" in brought_up
    assert "nothing starts it after a reboot (christmas:startAtBoot is off)" in brought_up
    folder = signs.folder_of(kept.name)

    def done():
        told = signs.read(folder)
        return told and all(told.works.get(work, signs.WorkSigns()).done for work in ("backup", "upkeep", "drill", "check", "audit"))

    wait_for(done, "each kind of work was done", seconds=1200)
    with clients.redis_client(kept.platform(), "api") as client:
        assert 0 < client.ttl(ENDLESS) <= USER_PREFERENCES.ttl.total_seconds(), "a key that lived too long has an end"
        client.delete(ENDLESS)
    assert history.read(folder / HISTORY)
    status = kept.invoke("schedule")
    assert "ok: the schedule runs" in status.stdout
    assert "ok" in kept.check("--only", "schedule").stdout

    keeping = lock.process_of(folder / "keeper")
    assert keeping
    os.kill(keeping, signal.SIGKILL)
    wait_for(lambda: not signs.runs(folder), "the schedule ends with its keeper")
    dead = kept.invoke("check", "--only", "schedule.alive", check=False)
    assert dead.returncode == 2
    assert "the schedule is dead" in dead.stdout
    assert "runs (process" in kept.invoke("up").stdout
    assert "is stopped" in kept.invoke("schedule.stop", "--now").stdout


@pytest.mark.exhaustive
def test_a_schedule_that_is_handed_over_is_not_started(stack):
    refused = stack.invoke("schedule.start", check=False)
    assert refused.returncode != 0
    assert "CHRISTMAS_SCHEDULE=off" in refused.stderr
    assert "runs elsewhere" in stack.invoke("up").stdout
    assert "another scheduler" in stack.check("--only", "schedule").stdout
