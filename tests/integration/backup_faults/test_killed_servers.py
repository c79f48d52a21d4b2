"""A server is killed at every stage of a backup, a restore, a drill and a prune: the run says so, the next one completes."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import docker.errors
import pytest
from docker.models.containers import Container

from airgap.errors import PlatformError
from backup import pgbackrest, sets
from backup.containers import docker_client
from backup.drill import drill
from backup.journal import Journal
from backup.prune import prune
from backup.restore import remove, restore
from backup.run import make
from backup.scratch import OWNER_LABEL, PURPOSE_LABEL
from infra.components.names import SERVICE_LABEL, STACK_LABEL
from tests.support.backup_faults import AtStage, Sets

BACKUP_STAGES = [
    ("timescaledb", "postgres: full physical backup", 0.4),
    ("timescaledb", "postgres: reference point and logical backup", 0.0),
    ("timescaledb", "postgres: waiting for the log to be archived", 0.0),
    ("timescaledb", "postgres: hashing the repository's files", 0.0),
    ("redis", "redis: snapshot", 0.0),
    ("redis", "redis: copying the snapshot and the log", 0.0),
    ("redis", "redis: checking the copies", 0.0),
    ("weaviate", "weaviate: full backup", 0.0),
]


@pytest.mark.parametrize(("service", "stage", "delay"), BACKUP_STAGES, ids=[stage for _, stage, _ in BACKUP_STAGES])
def test_a_server_that_dies_fails_the_set_and_nothing_else(made: Sets, service: str, stage: str, delay: float) -> None:
    before = made.ids()
    at = AtStage(stage, lambda: made.kill_server(service), delay)
    store = stage.partition(":")[0]
    try:
        with pytest.raises(PlatformError, match=rf"no new set was made\n  {store}: "):
            make(made.platform, kind="full", stores=[store], progress=at, folder=made.folder)
        assert at.reached
        assert made.ids() == before
    finally:
        made.start_server(service)
    made.make("full")
    made.assert_good(before[-1])
    made.assert_nothing_held()


def test_a_weaviate_that_dies_after_its_backup_costs_nothing(made: Sets) -> None:
    """What is copied out then lies on its volume, whole."""
    at = AtStage("weaviate: copying it out", lambda: made.kill_server("weaviate"))
    try:
        done = make(made.platform, kind="full", stores=["weaviate"], progress=at, folder=made.folder)
    finally:
        made.start_server("weaviate")
    assert done
    made.assert_good(done.id)


@pytest.mark.parametrize("service", ["timescaledb", "redis", "weaviate"])
def test_one_server_that_dies_takes_the_whole_set_with_it(made: Sets, service: str) -> None:
    """All three are at work; what the other two had written is no set, and is removed."""
    before = made.ids()
    at = AtStage("redis: checking the copies", lambda: made.kill_server(service))
    try:
        with pytest.raises(PlatformError):
            make(made.platform, kind="full", progress=at, folder=made.folder)
        assert made.ids() == before
    finally:
        made.start_server(service)
    made.make()
    made.assert_nothing_held()


# A drill's containers are known by the process that owns them, a restore's by the name that it was given.
DRILLED = [f"{PURPOSE_LABEL}=drill", f"{OWNER_LABEL}={os.getpid()}"]
BESIDE = f"faults-beside-{os.getpid()}"
RESTORED = [f"{PURPOSE_LABEL}=restore", f"{STACK_LABEL}={BESIDE}"]


def _kill(container: Container) -> None:
    # It may have been stopped between the two.
    with contextlib.suppress(docker.errors.APIError):
        container.kill("SIGKILL")


def _kill_scratch(labels: list[str], service: str) -> Callable[[], None]:
    def kill() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for each in docker_client().containers.list(filters={"label": [*labels, f"{SERVICE_LABEL}={service}"]}):
                _kill(each)
                return
            time.sleep(0.01)

    return kill


SCRATCH_STAGES = [
    ("timescaledb", "postgres: replaying the log", 0.3),
    ("redis", "redis: loading", 0.01),
    ("weaviate", "weaviate: loading collections", 0.0),
]
SCRATCH_IDS = [service for service, _, _ in SCRATCH_STAGES]


@pytest.mark.parametrize(("service", "stage", "delay"), SCRATCH_STAGES, ids=SCRATCH_IDS)
def test_a_server_that_dies_in_a_restore_beside_is_told_and_cleaned_up(made: Sets, service: str, stage: str, delay: float) -> None:
    store, to = stage.partition(":")[0], made.ids()[0]
    at = AtStage(stage, _kill_scratch(RESTORED, service), delay)
    options: dict[str, Any] = {"stores": [store], "into": BESIDE, "folder": made.folder}
    try:
        try:
            restore(made.platform, to, progress=at, **options)
            at.finish()
        except PlatformError:
            assert docker_client().containers.list(all=True, filters={"label": RESTORED}) == []
        else:
            # So little is there quickly: it died after it had answered.
            remove(BESIDE)
        restore(made.platform, to, **options)
    finally:
        remove(BESIDE)


DRILL_STAGES = [
    *SCRATCH_STAGES,
    ("timescaledb", "proving postgres.rows", 0.0),
    ("redis", "proving redis.keys", 0.0),
]


@pytest.mark.parametrize(("service", "stage", "delay"), DRILL_STAGES, ids=[stage for _, stage, _ in DRILL_STAGES])
def test_a_server_that_dies_in_a_drill_makes_a_failed_report(made: Sets, service: str, stage: str, delay: float) -> None:
    to = made.ids()[0]
    at = AtStage(stage, _kill_scratch(DRILLED, service), delay)
    report = drill(made.platform, to, progress=at, folder=made.folder)
    assert at.reached
    assert not report.passed
    assert report.failure or [each.name for each in report.proofs if not each.passed]
    assert docker_client().containers.list(all=True, filters={"label": DRILLED}) == []


def test_the_set_of_the_failed_drills_passes_one(made: Sets) -> None:
    assert drill(made.platform, made.ids()[0], folder=made.folder).passed


LIVE_STAGES = [("redis", "redis", 0.6), ("weaviate", "weaviate", 2.5), ("timescaledb", "postgres", 2.0)]


@pytest.mark.parametrize(("service", "store", "delay"), LIVE_STAGES, ids=[store for _, store, _ in LIVE_STAGES])
def test_a_live_restore_goes_on_after_its_server_died(made: Sets, service: str, store: str, delay: float) -> None:
    target = made.make("full").id
    at = AtStage(f"restoring {store}", lambda: _kill_if_running(made, service), delay)
    try:
        restore(made.platform, target, stores=[store], live=True, progress=at, folder=made.folder)
    except PlatformError:
        at.finish()
        with pytest.raises(PlatformError, match="not finished"):
            made.make()
    else:
        # So little is there quickly: it died after it was restored.
        at.finish()
        made.start_server(service)
    assert at.reached
    restore(made.platform, target, stores=[store], live=True, folder=made.folder)
    assert Journal(made.folder).read() is None
    made.assert_good(made.make("full").id)


def _kill_if_running(made: Sets, service: str) -> None:
    """The server, or where it is stopped just then, whatever works on its volumes."""
    name = made.platform.containers[service]
    for each in docker_client().containers.list(ignore_removed=True, filters={"name": name}):
        _kill(each)


@pytest.mark.parametrize(("service", "stage"), [("timescaledb", "expiring"), ("weaviate", "removing")], ids=["timescaledb", "weaviate"])
def test_a_prune_whose_server_died_is_completed_by_the_next_one(made: Sets, service: str, stage: str) -> None:
    for _ in range(2):
        made.make("full")
    doomed = made.aged(made.make("full", ["postgres"]), 300)
    newest = made.make("full")
    assert doomed.postgres
    at = AtStage(stage, lambda: made.kill_server(service))
    try:
        with pytest.raises(PlatformError):
            prune(made.platform, progress=at, folder=made.folder)
    finally:
        made.start_server(service)
    prune(made.platform, folder=made.folder)
    assert doomed.id not in made.ids()
    assert pgbackrest.info(made.platform.containers["timescaledb"]).backup(doomed.postgres.label) is None
    made.assert_good(newest.id)
    assert sets.leftovers(made.folder) == []
