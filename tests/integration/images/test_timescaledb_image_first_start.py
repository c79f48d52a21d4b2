from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest
from docker.models.containers import Container
from docker.models.volumes import Volume

from tests.integration.images.hardened import Service, execute, running, started, volume, wait_exited, wait_ready, write_files
from tests.integration.images.services import PGDATA, TIMESCALEDB, secret_files
from tests.support import scratch
from tests.support.cases import in_make_test
from tests.support.waiting import PATIENCE, wait_for


@dataclasses.dataclass
class Volumes:
    """The volumes of one cluster, on which servers are started one after another."""

    settings: Volume
    data: dict[str, Volume]
    password: str


@pytest.fixture
def volumes(authority: scratch.Authority) -> Iterator[Volumes]:
    with contextlib.ExitStack() as stack:
        made = Volumes(stack.enter_context(volume()), {path: stack.enter_context(volume()) for path in TIMESCALEDB.data}, "")
        files, secrets = secret_files(TIMESCALEDB, authority)
        made.password = secrets["password"]
        write_files(TIMESCALEDB, made.settings, files)
        yield made


def _psql(container: Container, sql: str) -> str:
    return execute(container, "psql", "-U", "postgres", "-Atqc", sql).strip()


def _run_in(service: Service, volumes: Volumes, script: str) -> None:
    """Run a shell script on the data volume instead of the server."""
    helper = dataclasses.replace(service, entrypoint=["sh", "-c"], command=[script])
    with started(helper, volumes.settings, volumes.data) as container:
        assert wait_exited(container) == (0, "")


def test_a_fresh_volume_gets_a_cluster_as_declared(authority: scratch.Authority) -> None:
    files, secrets = secret_files(TIMESCALEDB, authority)
    service = dataclasses.replace(TIMESCALEDB, environment={"POSTGRES_PASSWORD_FILE": "/run/christmas/superuser"})
    with running(service, files) as container:
        assert _psql(container, "show data_checksums") == "on"
        assert (
            _psql(container, "select concat(datlocprovider, datlocale, pg_encoding_to_char(encoding)) from pg_database limit 1")
            == "bC.UTF-8UTF8"
        )
        assert _psql(container, "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'postgres'") == "t"
        assert _psql(container, "create extension timescaledb; create extension pgaudit; select count(*) from pg_extension") == "3"
        assert secrets["password"] not in container.logs().decode(errors="replace")
        for program in ("pg_dump", "pg_restore", "pgbackrest", "pg_verifybackup", "initdb"):
            execute(container, "sh", "-c", f"command -v {program}")
        assert container.exec_run(["psql", "-U", "someone", "-d", "postgres", "-c", "select 1"]).exit_code != 0


# What initdb says at its beginning, in its middle and before its last long step; what follows is over too soon to be hit.
INITDB_STAGES = ["creating subdirectories", "running bootstrap script", "performing post-bootstrap initialization"]


def _making_its_cluster(container: Container, stage: str) -> None:
    wait_for(lambda: stage in container.logs().decode(), f"initdb says {stage!r}", pause=0.01)


@pytest.mark.exhaustive
@pytest.mark.parametrize("stage", INITDB_STAGES)
def test_a_kill_during_the_first_start_is_made_good_by_the_next(volumes: Volumes, stage: str) -> None:
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        _making_its_cluster(container, stage)
        container.kill("SIGKILL")
        _, logs = wait_exited(container)
    assert "database system is ready" not in logs
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        assert "cut off" in container.logs().decode()
        assert _psql(container, "select count(*) from pg_database") == "3"
        assert execute(container, "ls", "-A", PGDATA).split() == [".initdb-lock", "data"]


@pytest.mark.exhaustive
def test_a_cluster_cut_off_at_its_last_file_is_begun_again(volumes: Volumes) -> None:
    partial = f"{PGDATA}/.initdb-partial"
    _run_in(TIMESCALEDB, volumes, f"mkdir -p {partial}/base && echo 17 > {partial}/PG_VERSION && touch {partial}/base/1")
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        assert "cut off" in container.logs().decode()
        assert _psql(container, "select 1") == "1"


@pytest.mark.exhaustive
def test_stopping_during_the_first_start_needs_no_kill(volumes: Volumes) -> None:
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        _making_its_cluster(container, INITDB_STAGES[1])
        container.stop(timeout=int(PATIENCE))
        code, logs = wait_exited(container)
    assert code == 143
    assert "stopped while making the database cluster" in logs
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)


@pytest.mark.exhaustive
def test_two_first_starts_at_once_make_one_cluster(volumes: Volumes) -> None:
    show = dataclasses.replace(
        TIMESCALEDB,
        entrypoint=["bash", "-c"],
        command=["docker-entrypoint.sh postgres --single -D $PGDATA postgres < /dev/null; pg_controldata"],
    )
    with started(show, volumes.settings, volumes.data) as one, started(show, volumes.settings, volumes.data) as other:
        logs = [wait_exited(each)[1] for each in (one, other)]
    systems = {line for log in logs for line in log.splitlines() if line.startswith("Database system identifier")}
    assert len(systems) == 1, logs
    assert sum("creating configuration files" in log for log in logs) == 1


@pytest.mark.exhaustive
def test_data_survives_a_new_container_and_a_stop_is_clean(volumes: Volumes) -> None:
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        _psql(container, "create table kept (id int); insert into kept values (7)")
        # A session that does nothing would hold up PostgreSQL's other way of stopping.
        container.exec_run(["psql", "-U", "postgres", "-c", "select pg_sleep(600)"], detach=True)
        container.stop(timeout=60)
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0
        assert "database system is shut down" in container.logs().decode()
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        assert _psql(container, "select id from kept") == "7"
        assert "was not properly shut down" not in container.logs().decode()


REFUSALS = {
    "files without a cluster": (f"mkdir -p {PGDATA}/data && touch {PGDATA}/data/file", {}, "no PG_VERSION"),
    "another PostgreSQL": (f"mkdir -p {PGDATA}/data && echo 16 > {PGDATA}/data/PG_VERSION", {}, "written by PostgreSQL 16"),
    "no password file": (":", {"POSTGRES_PASSWORD_FILE": "/run/christmas/missing"}, "password file is missing"),
    "volume one level too deep": (":", {"PGDATA": PGDATA}, "not writable|mounted at PGDATA itself"),
}


@pytest.mark.parametrize(("prepare", "environment", "message"), in_make_test(REFUSALS.values(), 1), ids=REFUSALS.keys())
def test_what_it_must_not_touch_is_refused_with_what_to_do(
    volumes: Volumes, prepare: str, environment: dict[str, str], message: str
) -> None:
    _run_in(TIMESCALEDB, volumes, prepare)
    with started(dataclasses.replace(TIMESCALEDB, environment=environment), volumes.settings, volumes.data) as container:
        code, logs = wait_exited(container)
    assert code == 1
    assert any(part in logs for part in message.split("|")), logs
    assert "next:" in logs


@pytest.mark.exhaustive
def test_pgbackrest_backs_up_and_restores_under_the_restrictions(volumes: Volumes, authority: scratch.Authority) -> None:
    files, _ = secret_files(TIMESCALEDB, authority)
    files["postgresql.conf"] += (
        b"archive_mode = on\narchive_command = 'pgbackrest --config=/run/christmas/pgbackrest.conf --stanza=main archive-push %p'\n"
    )
    files["pgbackrest.conf"] = (
        b"[global]\nrepo1-path=/var/lib/pgbackrest\nlog-level-file=off\nlock-path=/tmp/pgbackrest\nstart-fast=y\n"
        b"[main]\npg1-path=/home/postgres/pgdata/data\npg1-user=postgres\npg1-socket-path=/var/run/postgresql\n"
    )
    write_files(TIMESCALEDB, volumes.settings, files)
    pgbackrest = ("pgbackrest", "--config=/run/christmas/pgbackrest.conf", "--stanza=main")
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        _psql(container, "create table kept (id int); insert into kept values (7)")
        execute(container, *pgbackrest, "stanza-create")
        execute(container, *pgbackrest, "--type=full", "backup")
        container.stop(timeout=60)
    _run_in(TIMESCALEDB, volumes, f"rm -rf {PGDATA}/data && mkdir -m 0700 {PGDATA}/data && {' '.join(pgbackrest)} restore")
    with started(TIMESCALEDB, volumes.settings, volumes.data) as container:
        wait_ready(container)
        assert _psql(container, "select id from kept") == "7"
