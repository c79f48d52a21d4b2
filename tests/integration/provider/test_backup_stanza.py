"""A stanza in a real, encrypted repository: made once, missed when gone, and a foreign repository refused with advice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker.models.containers import Container

from core.errors import PlatformError
from tests.integration.provider.kept import Kept
from tests.support.inside import inside
from tests.support.postgres_server import ScratchServer

REPOSITORY = "/home/postgres/pgdata/provider-repository"  # on a volume: the root file system is read-only
CONFIG = "/home/postgres/pgdata/provider-pgbackrest.conf"


def configure(container: Container, key: str) -> None:
    lines = [
        "[global]", f"repo1-path={REPOSITORY}", "repo1-cipher-type=aes-256-cbc", f"repo1-cipher-pass={key}", "log-level-file=off",
        "lock-path=/tmp/provider-pgbackrest", "[scratch]", "pg1-path=/home/postgres/pgdata/data", "pg1-socket-path=/var/run/postgresql",
    ]  # fmt: skip
    shell(container, f"mkdir -p {REPOSITORY} && printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) + f" > {CONFIG}")


def shell(container: Container, script: str) -> None:
    inside(container, "sh", "-c", script, user="postgres")


@pytest.fixture
def stanza(postgres: ScratchServer) -> Iterator[Kept]:
    container = postgres.container
    configure(container, "first-cipher-key")
    at = {"container": str(container.name), "server": str(container.id)}
    yield Kept("BackupStanza", {**at, "stanza": "scratch", "config_path": CONFIG})
    shell(container, f"rm -rf {REPOSITORY} {CONFIG}")


def test_a_stanza_is_made_once_and_missed_when_it_is_gone(stanza: Kept, postgres: ScratchServer) -> None:
    stanza.up()
    assert stanza.refresh() == []
    stanza.inputs = {**stanza.inputs, "server": "another container of the same data"}
    stanza.up()
    assert stanza.refresh() == []
    shell(postgres.container, f"rm -rf {REPOSITORY}/*")
    assert stanza.refresh() is None
    stanza.up()
    assert stanza.refresh() == []


def test_a_repository_with_another_key_is_refused_with_advice(stanza: Kept, postgres: ScratchServer) -> None:
    stanza.up()
    configure(postgres.container, "second-cipher-key")
    found = stanza.refresh()
    assert found
    assert "cipher-key" not in str(found)
    stanza.state = None
    with pytest.raises(PlatformError, match="the backup stanza could not be made") as failure:
        stanza.up()
    assert "encrypted with another key" in failure.value.next_step
    assert "cipher-key" not in str(failure.value)


@pytest.mark.exhaustive
def test_a_repository_of_another_cluster_is_refused_with_advice(stanza: Kept, postgres: ScratchServer) -> None:
    stanza.up()
    # The repository's own record, as another cluster would have left it: made for a second data directory.
    other = "/home/postgres/pgdata/provider-other"
    shell(postgres.container, f"rm -rf {REPOSITORY}/* {other} && initdb -D {other} -k -U postgres >/dev/null")
    shell(postgres.container, f"sed 's|^pg1-path=.*|pg1-path={other}|' {CONFIG} > {CONFIG}.other")
    options = f"--config={CONFIG}.other --stanza=scratch --no-online --log-level-console=off"
    try:
        shell(postgres.container, f"pgbackrest {options} stanza-create")
        stanza.state = None
        with pytest.raises(PlatformError, match="the backup stanza could not be made") as failure:
            stanza.up()
        # A machine that is to be restored waits for that instead.
        waiting = Kept("BackupStanza", {**stanza.inputs, "recovering": True})
        assert "invoke backup.restore --live" in waiting.up()["drift"][0]
    finally:
        shell(postgres.container, f"rm -rf {other} {CONFIG}.other")
    assert "another database cluster" in failure.value.next_step
