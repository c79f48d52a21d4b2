"""A server is killed at every stage of a backup, a restore, a drill and a prune: the run says so, the next one completes."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from backup.drill import describe, drill
from backup.make import make
from backup.postgres import pgbackrest
from backup.prune import prune
from backup.restore import home, remove, restore
from backup.restoring import account_passwords
from backup.restoring.journal import Journal
from backup.restoring.stopped import start
from backup.sets import folders
from core.docker_client import docker_client
from core.errors import PlatformError
from core.labels import OWNER_LABEL, PURPOSE_LABEL, SERVICE_LABEL, STACK_LABEL, with_labels
from tests.support.backup_faults import AtStage, KillAtStart, Sets
from tests.support.cases import in_make_test
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

BACKUP_STAGES = [
    ("timescaledb", "postgres: full physical backup", 0.4),
    ("timescaledb", "postgres: reference point and logical backup", 0.0),
    ("timescaledb", "postgres: waiting for the log to be archived", 0.0),
    ("timescaledb", "postgres: hashing the repository's files", 0.0),
    ("redis", "redis: snapshot", 0.0),
    ("redis", "redis: copying the snapshot", 0.0),
    ("redis", "redis: copying the log", 0.0),
    ("redis", "redis: checking the copies", 0.0),
    ("weaviate", "weaviate: full backup", 0.0),
]


@pytest.mark.parametrize(("service", "stage", "delay"), in_make_test(BACKUP_STAGES, 0), ids=[stage for _, stage, _ in BACKUP_STAGES])
def test_a_server_that_dies_fails_the_set_and_nothing_else(made: Sets, service: str, stage: str, delay: float) -> None:
    before = made.ids()
    store = stage.partition(":")[0]
    try:
        with (
            AtStage(stage, lambda: made.kill_server(service), delay) as at,
            pytest.raises(PlatformError, match=rf"no new set was made\n  {store}: "),
        ):
            make(made.platform, kind="full", stores=[store], progress=at, folder=made.folder)
        assert made.ids() == before
    finally:
        made.start_server(service)
    made.make("full")
    made.assert_good(before[-1])
    made.assert_nothing_held()


@pytest.mark.exhaustive
def test_a_weaviate_that_dies_after_its_backup_costs_nothing(made: Sets) -> None:
    """What is copied out then lies on its volume, whole."""
    try:
        with AtStage("weaviate: copying it out", lambda: made.kill_server("weaviate")) as at:
            done = make(made.platform, kind="full", stores=["weaviate"], progress=at, folder=made.folder)
        assert docker_client().containers.get(made.platform.containers["weaviate"]).status == "exited"
    finally:
        made.start_server("weaviate")
    assert done
    made.assert_good(done.id)


# A stage of the store that dies: whether another one still needs its server at some stage depends on the machine's load.
@pytest.mark.parametrize(
    ("service", "stage"),
    [
        ("timescaledb", "postgres: hashing the repository's files"),
        ("redis", "redis: checking the copies"),
        ("weaviate", "weaviate: full backup"),
    ],
    ids=["timescaledb", "redis", "weaviate"],
)
def test_one_server_that_dies_takes_the_whole_set_with_it(made: Sets, service: str, stage: str) -> None:
    """What the other two have written is no set, and is removed."""
    before = made.ids()
    try:
        with AtStage(stage, lambda: made.kill_server(service)) as at, pytest.raises(PlatformError):
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


def _kill_scratch(labels: list[str], service: str) -> Callable[[], None]:
    """Kills a scratch server, as soon as there is one."""

    def kill() -> None:
        wanted = with_labels(*labels, f"{SERVICE_LABEL}={service}")
        wait_for(lambda: docker_client().containers.list(ignore_removed=True, filters=wanted), f"a scratch {service} runs")[0].kill(
            "SIGKILL"
        )

    return kill


BESIDE_STAGES = [
    ("timescaledb", "postgres: replaying the log", KillAtStart(f"christmas-{BESIDE}-timescaledb")),
    ("redis", "redis: loading", KillAtStart(f"christmas-{BESIDE}-redis")),
    ("weaviate", "weaviate: loading collections", _kill_scratch(RESTORED, "weaviate")),
]


TOLD = {
    "timescaledb": "the scratch timescaledb does not come up",
    "redis": "the scratch redis does not come up",
    "weaviate": "Weaviate",
}


@pytest.mark.parametrize(("service", "stage", "kill"), in_make_test(BESIDE_STAGES, 1), ids=[service for service, _, _ in BESIDE_STAGES])
def test_a_server_that_dies_in_a_restore_beside_is_told_and_cleaned_up(
    made: Sets, service: str, stage: str, kill: Callable[[], None]
) -> None:
    options: dict[str, Any] = {"stores": [stage.partition(":")[0]], "into": BESIDE, "folder": made.folder}
    to = made.ids()[0]

    def told() -> str:
        """What the restore says of the server; nothing where that had answered before it was killed, and so was restored."""
        try:
            with AtStage(stage, kill) as at:
                restore(made.platform, to, progress=at, **options)
        except PlatformError as error:
            return error.what
        remove(BESIDE)
        return ""

    try:
        said = wait_for(told, f"{service} is killed before it has answered for the first time")
        if isinstance(kill, KillAtStart):
            kill.assert_killed()
        assert TOLD[service] in said
        assert docker_client().containers.list(all=True, ignore_removed=True, filters={"label": RESTORED}) == []
        # No keys and no connections of what is gone; the lock stays, for the next to take.
        assert [path.name for path in home(BESIDE).iterdir()] == ["lock"]
        restore(made.platform, to, **options)
    finally:
        remove(BESIDE)


DRILL_STAGES = [
    ("timescaledb", "postgres: replaying the log", 0.3),
    ("redis", "redis: loading", 0.01),
    ("weaviate", "weaviate: loading collections", 0.0),
    ("timescaledb", "proving postgres.rows", 0.0),
    ("redis", "proving redis.keys", 0.0),
]


@pytest.mark.parametrize(("service", "stage", "delay"), in_make_test(DRILL_STAGES, 0), ids=[stage for _, stage, _ in DRILL_STAGES])
def test_a_server_that_dies_in_a_drill_makes_a_failed_report(made: Sets, service: str, stage: str, delay: float) -> None:
    with AtStage(stage, _kill_scratch(DRILLED, service), delay) as at:
        report = drill(made.platform, made.ids()[0], progress=at, folder=made.folder)
    assert not report.passed
    assert report.failure or [proof.name for proof in report.proofs if not proof.passed]
    assert docker_client().containers.list(all=True, ignore_removed=True, filters={"label": DRILLED}) == []


@pytest.mark.exhaustive
def test_the_set_of_the_failed_drills_passes_one(made: Sets) -> None:
    to = made.ids()[0]
    with AtStage("proving redis.keys", _kill_scratch(DRILLED, "redis")) as at:
        assert not drill(made.platform, to, progress=at, folder=made.folder).passed
    report = drill(made.platform, to, folder=made.folder)
    assert report.passed, describe(report)


# PostgreSQL's files are put back by a container in its server's place; the others' are there before anything could be hit.
LIVE_MOMENTS = [
    ("redis", "redis", ""),
    ("weaviate", "weaviate", ""),
    ("timescaledb", "postgres", ""),
    ("timescaledb", "postgres", "-restore"),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("service", "store", "helper"), in_make_test(LIVE_MOMENTS, 1), ids=[f"{store}{helper}" for _, store, helper in LIVE_MOMENTS]
)
def test_a_live_restore_goes_on_after_its_server_died(made: Sets, service: str, store: str, helper: str) -> None:
    """Killed when it starts on the restored files, long before it can be healthy, or while those are put back."""
    target = made.make("full").id
    kill = KillAtStart(made.platform.containers[service] + helper)
    with AtStage(f"restoring {store}", kill) as at, pytest.raises(PlatformError):
        restore(made.platform, target, stores=[store], live=True, progress=at, folder=made.folder)
    kill.assert_killed()
    with pytest.raises(PlatformError, match="not finished"):
        made.make()
    restore(made.platform, target, stores=[store], live=True, folder=made.folder)
    assert Journal(made.folder).read() is None
    made.assert_good(made.make("full").id)


def test_a_weaviate_that_dies_after_a_live_restore_keeps_its_users(made: Sets) -> None:
    restore(made.platform, made.make("full", ["weaviate"]).id, stores=["weaviate"], live=True, force=True, folder=made.folder)
    server = docker_client().containers.get(made.platform.containers["weaviate"])
    server.kill()
    server.wait()
    start(server)
    assert account_passwords.refused(made.platform, ("weaviate",)) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(("service", "stage"), [("timescaledb", "expiring"), ("weaviate", "removing")], ids=["timescaledb", "weaviate"])
def test_a_prune_whose_server_died_is_completed_by_the_next_one(made: Sets, service: str, stage: str) -> None:
    for _ in range(2):
        made.make("full")
    doomed = made.aged(made.make("full", ["postgres"]), 300)
    newest = made.make("full")
    assert doomed.postgres
    try:
        with AtStage(stage, lambda: made.kill_server(service)) as at, pytest.raises(PlatformError):
            prune(made.platform, progress=at, folder=made.folder)
    finally:
        made.start_server(service)
    prune(made.platform, folder=made.folder)
    assert doomed.id not in made.ids()
    assert pgbackrest.info(made.platform.containers["timescaledb"]).backup(doomed.postgres.label) is None
    made.assert_good(newest.id)
    assert folders.leftovers(made.folder) == []
