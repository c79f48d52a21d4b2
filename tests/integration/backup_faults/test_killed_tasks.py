"""The task is killed at every stage of a backup, a restore, a drill and a prune. What was good stays good, and the next run completes."""

import os

import pytest

from backup.drill import drill
from backup.make import make
from backup.postgres import live_log, pgbackrest
from backup.prune import prune
from backup.restore import remove, restore
from backup.restoring.journal import FILES, PLANNED, RECOVERED, Journal
from backup.sets import folders
from backup.sets.model import Manifest
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import helper, make_helper
from core.labels import OWNER_LABEL, PURPOSE_LABEL, STACK_LABEL, with_labels
from infra.clients import postgres, redis_client, weaviate_client
from monitor.backups import judge_timeline
from schedule.jobs import Job
from tests.support.backup_faults import Sets, owned_by
from tests.support.cases import in_make_test
from tests.support.scratch_platform import DOCUMENTS


@pytest.fixture(scope="module")
def single(made: Sets) -> dict[str, Manifest]:
    """A set of each store alone, so that a test of one store need not wait for the others."""
    return {store: made.make("full", [store]) for store in ("postgres", "redis", "weaviate")}


BACKUP_STAGES = [
    ("postgres: full physical backup", 0.4),
    ("postgres: reference point and logical backup", 0.0),
    ("postgres: waiting for the log to be archived", 0.0),
    ("postgres: hashing the repository's files", 0.0),
    ("redis: snapshot", 0.0),
    ("redis: copying the snapshot", 0.0),
    ("redis: copying the log", 0.0),
    ("redis: checking the copies", 0.2),
    ("weaviate: full backup", 0.1),
    ("weaviate: copying it out", 0.0),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("stage", "delay"), in_make_test(BACKUP_STAGES, 0), ids=[stage for stage, _ in BACKUP_STAGES])
def test_a_killed_backup_leaves_no_set_and_the_next_one_completes(
    made: Sets, single: dict[str, Manifest], stage: str, delay: float
) -> None:
    before, store = made.ids(), stage.partition(":")[0]
    pid = made.killed("make", stage, delay, kind="full", stores=[store])
    assert made.ids() == before
    assert len(folders.leftovers(made.folder)) == 1
    newest = made.make("full", [store])
    assert owned_by(pid) == [], "nor a container"
    assert made.ids() == [*before, newest.id]
    made.assert_good(single[store].id, newest.id)
    made.assert_nothing_held()


@pytest.mark.exhaustive
def test_containers_of_a_killed_backup_go_with_the_next_upkeep_too_and_those_of_a_running_process_stay(made: Sets) -> None:
    pid = made.killed("make", "redis: checking the copies", 0.2, kind="full", stores=["redis"])
    image = str(docker_client().containers.get(made.platform.containers["redis"]).attrs["Image"])
    # Whether the killed run had one already is a matter of its pace: this one it had.
    make_helper(image, "redis-check", labels=with_owner(pid))
    with helper(image, "redis-check") as used:
        assert owned_by(pid)
        assert Job("upkeep", made.platform.stack, lambda _: made.platform, made.folder, goes_on=False).wake()
        assert owned_by(pid) == []
        assert str(used.name) in owned_by(os.getpid())


def with_owner(pid: int) -> dict[str, str]:
    return {PURPOSE_LABEL: "redis-check", OWNER_LABEL: str(pid)}


@pytest.mark.exhaustive
@pytest.mark.parametrize("stage", ["weaviate: copying it out", "writing the manifest"])
def test_a_run_of_all_stores_that_is_killed_leaves_no_set_either(made: Sets, stage: str) -> None:
    before = made.ids()
    made.killed("make", stage, kind="full")
    assert made.ids() == before
    made.assert_good(made.make("full").id, made.make().id)
    made.assert_nothing_held()


RESTORE_STAGES = [
    ("postgres: restoring", 0.8),
    ("postgres: replaying the log", 0.5),
    ("redis: restoring", 0.3),
    ("redis: loading", 0.0),
    ("weaviate: restoring", 0.3),
    ("weaviate: loading collections", 0.1),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("stage", "delay"), in_make_test(RESTORE_STAGES, 2), ids=[stage for stage, _ in RESTORE_STAGES])
def test_a_killed_restore_beside_is_run_again_by_the_same_command(made: Sets, stage: str, delay: float) -> None:
    store, name = stage.partition(":")[0], f"faults-killed-{os.getpid()}"
    made.killed("restore", stage, delay, to=made.ids()[0], stores=[store], into=name)
    its = with_labels(f"{STACK_LABEL}={name}")
    try:
        done = restore(made.platform, made.ids()[0], stores=[store], into=name, folder=made.folder)
        assert set(done.stores) == {store}
        assert {each.status for each in docker_client().containers.list(all=True, ignore_removed=True, filters=its)} == {"running"}
    finally:
        remove(name)
    assert docker_client().containers.list(all=True, ignore_removed=True, filters=its) == []


def write_to(made: Sets, store: str) -> None:
    """Put something into a store that the sets so far don't have."""
    if store == "postgres":
        with postgres(made.platform, "ingest") as connection:
            connection.execute("insert into market_data (symbol, timestamp, open) values ('GONE', now(), 1)")
    elif store == "redis":
        with redis_client(made.platform, "api") as client:
            client.set("rate_limit:10.9.9.9", 1, ex=600)
    else:
        with weaviate_client(made.platform, "indexer") as indexer:
            indexer.collections.use(DOCUMENTS).data.insert({"content": "gone", "file_path": "docs/gone.md"}, vector=[1.0, 1.0, 1.0, 1.0])


def is_gone(made: Sets, store: str) -> bool:
    """Whether it is not there any more."""
    if store == "postgres":
        with postgres(made.platform, "backup") as connection:
            return connection.execute("select count(*) from market_data where symbol = 'GONE'").fetchone() == (0,)
    if store == "redis":
        with redis_client(made.platform, "api") as client:
            return client.get("rate_limit:10.9.9.9") is None
    with weaviate_client(made.platform, "backup") as reader:
        return reader.collections.use(DOCUMENTS).aggregate.over_all(total_count=True).total_count == 100


LIVE_STAGES = [
    ("safety backup", 0.3, "redis"),
    ("restoring redis", 0.0, "redis"),
    ("restoring redis", 0.5, "redis"),
    ("restoring weaviate", 0.3, "weaviate"),
    ("restoring weaviate", 2.0, "weaviate"),
    ("restoring postgres", 0.3, "postgres"),
    ("restoring postgres", 2.0, "postgres"),
    ("a full backup of the new timeline", 1.5, "postgres"),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("stage", "delay", "store"), in_make_test(LIVE_STAGES, 0), ids=[f"{stage} after {delay} s" for stage, delay, _ in LIVE_STAGES]
)
def test_a_killed_live_restore_goes_on_where_it_was(made: Sets, single: dict[str, Manifest], stage: str, delay: float, store: str) -> None:
    target = single[store].id
    write_to(made, store)
    made.killed("restore", stage, delay, to=target, stores=[store], live=True)
    if stage == f"restoring {store}":
        with pytest.raises(PlatformError, match=r"begun at .+ and not finished"):
            made.make()
    restore(made.platform, target, stores=[store], live=True, folder=made.folder)
    assert Journal(made.folder).read() is None
    assert is_gone(made, store)


@pytest.mark.exhaustive
@pytest.mark.parametrize("journal", in_make_test(["kept", "lost"], 1))
def test_what_is_written_after_a_killed_live_restore_is_kept(made: Sets, single: dict[str, Manifest], journal: str) -> None:
    """Killed while it took the closing full set, the database went on: the next backup is a full one, and the latest has it all."""
    write_to(made, "postgres")
    made.killed("restore", "a full backup of the new timeline", 0.5, to=single["postgres"].id, stores=["postgres"], live=True)
    assert is_gone(made, "postgres")
    begun = Journal(made.folder).read()
    assert begun
    assert begun.owes_full
    if journal == "lost":
        Journal(made.folder).path.unlink()
    live = live_log.ask(made.platform)
    assert judge_timeline(live, folders.list_sets(folder=made.folder), Journal(made.folder).read()).status == "critical"
    write_to(made, "postgres")
    name = f"faults-after-{os.getpid()}"
    try:
        # Without any set of the new timeline, its writes are reached from a set of the one before.
        restore(made.platform, "latest", stores=["postgres"], into=name, folder=made.folder)
        with postgres(made.restored(name), "backup") as connection:
            assert connection.execute("select count(*) from market_data where symbol = 'GONE'").fetchone() == (1,)
    finally:
        remove(name)
    closing = make(made.platform, folder=made.folder)
    assert closing
    assert closing.kind == "full"
    assert Journal(made.folder).read() is None
    assert judge_timeline(live, folders.list_sets(folder=made.folder), None).status == "ok"


@pytest.mark.exhaustive
def test_what_was_promoted_is_not_put_back_again(made: Sets, single: dict[str, Manifest]) -> None:
    """The task died before it could note that the server, which went on alone, was promoted and written to."""
    target, journal = single["postgres"].id, Journal(made.folder)
    write_to(made, "postgres")
    made.killed("restore", "a full backup of the new timeline", 0.0, to=target, stores=["postgres"], live=True)
    assert is_gone(made, "postgres")
    write_to(made, "postgres")
    for step in (PLANNED, FILES, RECOVERED):
        journal.reach("postgres", step)
        with pytest.raises(PlatformError, match=f"not finished: postgres: {step}"):
            make(made.platform, folder=made.folder)
    restore(made.platform, target, stores=["postgres"], live=True, folder=made.folder)
    assert journal.read() is None
    assert not is_gone(made, "postgres")


@pytest.mark.exhaustive
def test_a_restore_that_was_cut_off_can_be_gone_back_from(made: Sets, single: dict[str, Manifest]) -> None:
    write_to(made, "postgres")
    made.killed("restore", "restoring postgres", 0.0, to=single["postgres"].id, stores=["postgres"], live=True)
    begun = Journal(made.folder).read()
    assert begun
    assert begun.safety
    with pytest.raises(PlatformError, match="not finished"):
        restore(made.platform, "latest", stores=["postgres"], live=True, folder=made.folder)
    restore(made.platform, begun.safety, stores=["postgres"], live=True, folder=made.folder)
    assert Journal(made.folder).read() is None
    assert not is_gone(made, "postgres")


DRILL_STAGES = [
    ("postgres", "postgres: restoring", 0.8),
    ("postgres", "postgres: replaying the log", 0.5),
    ("postgres", "proving postgres.rows", 0.0),
    ("redis", "redis: loading", 0.0),
    ("redis", "cleaning up", 0.1),
    ("weaviate", "weaviate: loading collections", 0.1),
    ("weaviate", "proving weaviate.objects", 0.0),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("store", "stage", "delay"), in_make_test(DRILL_STAGES, 0), ids=[stage for _, stage, _ in DRILL_STAGES])
def test_what_a_killed_drill_left_is_removed_by_the_next_one(
    made: Sets, single: dict[str, Manifest], store: str, stage: str, delay: float
) -> None:
    pid = made.killed("drill", stage, delay, set_id=single[store].id)
    report = drill(made.platform, single["redis"].id, folder=made.folder)
    assert report.passed, [proof for proof in report.proofs if not proof.passed]
    assert owned_by(pid) == []
    client, its = docker_client(), {"label": f"{OWNER_LABEL}={pid}"}
    assert [*client.volumes.list(filters=its), *client.networks.list(filters=its)] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("stage", ["removing", "removing second", "expiring second"])
def test_a_killed_prune_is_completed_by_the_next_one(made: Sets, stage: str) -> None:
    doomed = [made.aged(made.make("full", ["postgres"]), 300 - number) for number in range(2)]
    newest = made.make("full")
    word, _, second = stage.partition(" ")
    named = doomed[1 if second else 0]
    assert named.postgres
    made.killed("prune", f"{word} {named.id if word == 'removing' else named.postgres.label}")
    done = prune(made.platform, folder=made.folder)
    labels = {backup.label for backup in pgbackrest.info(made.platform.containers["timescaledb"]).backups}
    for each in doomed:
        assert each.id not in made.ids()
        assert each.postgres
        assert each.postgres.label not in labels
    assert set(done.staying) == set(made.ids())
    made.assert_good(newest.id)


@pytest.mark.exhaustive
def test_after_all_that_every_set_is_good_and_the_newest_passes_a_drill(made: Sets) -> None:
    newest = made.make("full")
    made.assert_good(*made.ids())
    made.assert_nothing_held()
    report = drill(made.platform, newest.id, folder=made.folder)
    assert report.passed, [proof for proof in report.proofs if not proof.passed]
