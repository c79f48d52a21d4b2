"""The Docker engine is killed, with all its containers, in the middle of a live restore of the three stores."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from airgap.images.build import ensure_images
from tests.bare_machine.engine import newer_engine
from tests.bare_machine.stack_on_engine import Stack

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(3600)]

# What the next `up` and the next `backup` say, by the stage in which the engine died.
UNFINISHED = "and not finished"
STAGES = {
    "safety backup": ("", ""),
    "restoring postgres": (UNFINISHED, UNFINISHED),
    "restoring redis": (UNFINISHED, UNFINISHED),
    "restoring weaviate": (UNFINISHED, UNFINISHED),
    "a full backup of": ("", "-full"),
}
_WRITE = """
import sys
from infra import clients, connections
with clients.postgres(connections.load(), "ingest") as connection:
    connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (sys.argv[1],))
"""
_READ = """
from infra import clients, connections
with clients.postgres(connections.load(), "backup") as connection:
    print(*(row[0] for row in connection.execute("select symbol from market_data where symbol like 'DIED%' order by 1").fetchall()))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a full set on an engine of its own. It has no schedule: the tests want to be alone with it."""
    with newer_engine() as engine:
        engine.take_images(list(ensure_images().values()))
        running = Stack(engine, tmp_path_factory.mktemp("stack"))
        running.environment["CHRISTMAS_SCHEDULE"] = "off"
        try:
            running.run("invoke", "up")
            running.run("invoke", "migrate")
            running.run("invoke", "seed.market")
            running.run("invoke", "seed.demo")
            running.run("invoke", "seed.cache")
            running.run("invoke", "seed.docs", "docs/guide/ko/overview.md")
            running.run("invoke", "backup", "--full")
            yield running
        finally:
            running.run("invoke", "down", "--volumes", "--yes")


def written(stack: Stack) -> list[str]:
    """The rows of these tests."""
    return stack.run("python", "-c", _READ).splitlines()[-1].split()


def newest_set(stack: Stack) -> str:
    """Its id."""
    listed: list[str] = re.findall(r"\d{8}-\d{6}-(?:full|incremental)-[0-9a-f]+", stack.run("invoke", "backup.list"))
    return listed[-1]


@pytest.mark.parametrize("stage", STAGES)
def test_the_restore_goes_on_and_what_is_written_afterwards_comes_back(stack: Stack, stage: str) -> None:
    kept = written(stack)
    stack.run("invoke", "backup", "--incremental")
    target = newest_set(stack)
    name = f"DIED{list(STAGES).index(stage)}"
    stack.run("python", "-c", _WRITE, f"{name}-undone")

    with stack.begin("invoke", "backup.restore", "--live", "--to", target, "--force") as task:
        assert task.stdout
        for line in task.stdout:
            if stage in line:
                break
        else:
            pytest.fail(f"the restore was over before {stage!r}: it ended with {task.wait()}")
        stack.engine.lose_power()
        # The task sees that its engine is gone and says so; it is killed where it doesn't: whoever restarts the machine kills it, too.
        task.send_signal(signal.SIGINT)
        task.stdout.read()
    assert task.returncode != 0
    stack.engine.boot()

    of_up, of_backup = STAGES[stage]
    assert of_up in stack.run("invoke", "up", allowed=(0, 1))
    assert of_backup in stack.run("invoke", "backup", allowed=(int(of_backup == UNFINISHED),))
    stack.run("invoke", "backup.restore", "--live", "--to", target, "--force")
    assert written(stack) == kept
    stack.check()

    stack.run("python", "-c", _WRITE, f"{name}-kept")
    stack.run("invoke", "backup", "--incremental")
    stack.run("invoke", "backup.verify")
    stack.run("invoke", "backup.restore", "--live", "--to", newest_set(stack), "--force")
    assert written(stack) == [*kept, f"{name}-kept"]
