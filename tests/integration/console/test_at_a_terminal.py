"""Status, logs and prompts on real stores: problems are reported within seconds, and no password is visible."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airgap.setup.installer import uv
from christmas.blueprint.services import HAPROXY
from console import logs, shell, status
from core.container_commands import execute
from core.docker_client import docker_client
from core.errors import PlatformError
from core.progress import SilentProgress
from infra import client_lines
from infra.connections import Platform
from tests.support.scratch_platform import DOCUMENTS, ScratchPlatform
from tests.support.waiting import wait_for


@pytest.fixture
def platform(scratch_platform: ScratchPlatform) -> Platform:
    return scratch_platform.platform


@pytest.fixture
def stack(scratch_platform: ScratchPlatform) -> str:
    return scratch_platform.made.name


def secrets_of(platform: Platform) -> set[str]:
    return {secret for account in platform.accounts.values() for secret in (account.postgres, account.redis, account.weaviate) if secret}


# Status


def services(stack: str) -> dict[str, tuple[str, str]]:
    found = status.look(stack, seconds=30)
    return {service.name: (service.judge(found.at).status, service.judge(found.at).message) for service in found.services}


def test_each_service_with_health_uptime_memory_and_its_answer(stack: str) -> None:
    found = services(stack)
    # Nothing stands in front of a scratch Weaviate.
    assert found.pop(HAPROXY.name) == ("critical", "no container")
    assert set(found) == {"timescaledb", "redis", "weaviate"}
    for judged, told in found.values():
        assert judged in {"ok", "warning"}, told
        assert all(word in told for word in ("up ", "memory ", " of ", "answers in "))


def test_a_stack_that_does_not_exist_is_told_in_every_place() -> None:
    found = status.look("test-nobody-made-this", seconds=30)
    assert found.status == "critical"
    assert {service.state for service in found.services} == {"no container"}
    assert "there is no stack" in found.parts["schema"].message
    assert {"last set", "next set", "last drill", "schedule", "checks"} <= found.parts.keys()
    assert "make up" in status.text(found)


def test_what_was_paused_is_well_again_before_docker_has_looked(platform: Platform, stack: str) -> None:
    """Docker calls it unhealthy until then, without one failure."""
    container = docker_client().containers.get(platform.containers["redis"])
    container.pause()
    container.unpause()
    judged, told = services(stack)["redis"]
    assert judged == "ok", told


@pytest.mark.exhaustive
def test_what_is_paused_or_hangs_is_told_within_seconds(platform: Platform, stack: str) -> None:
    paused = docker_client().containers.get(platform.containers["weaviate"])
    execute(platform.containers["redis"], ["sh", "-c", "kill -STOP $(pidof redis-server)"])
    paused.pause()
    try:
        began = time.monotonic()
        found = status.look(stack)
        took = time.monotonic() - began
    finally:
        paused.unpause()
        execute(platform.containers["redis"], ["sh", "-c", "kill -CONT $(pidof redis-server)"])
    told = {service.name: service.judge(found.at) for service in found.services}
    assert (told["weaviate"].status, told["weaviate"].message.partition(",")[0]) == ("critical", "paused")
    assert told["weaviate"].next_step == f"docker unpause {platform.containers['weaviate']}"
    assert told["redis"].status == "unknown"
    assert "does not answer within" in told["redis"].message
    assert told["timescaledb"].status in {"ok", "warning"}
    # It gives up after four seconds; the rest is this machine's.
    assert took < 60
    wait_for(lambda: services(stack)["redis"][0] != "unknown", "redis answers again")


# Prompts


def test_one_statement_in_each_store(platform: Platform, capfd: pytest.CaptureFixture[str]) -> None:
    assert shell.enter(platform, "pg", command="select 'I am ' || current_user") == 0
    assert "I am analyst" in capfd.readouterr().out
    assert shell.enter(platform, "pg", "postgres", "select 'I am ' || current_user") == 0
    assert "I am postgres" in capfd.readouterr().out
    assert shell.enter(platform, "redis", command="acl whoami") == 1
    assert "NOPERM User monitor" in capfd.readouterr().err
    assert shell.enter(platform, "redis", command="ping") == 0
    assert "PONG" in capfd.readouterr().out
    assert shell.enter(platform, "weaviate", command="client.is_ready()") == 0
    assert "True" in capfd.readouterr().out


def test_the_exit_code_is_the_tools(platform: Platform, capfd: pytest.CaptureFixture[str]) -> None:
    assert shell.enter(platform, "pg", command="select from nowhere_at_all") == 1
    assert shell.enter(platform, "redis", command="flushall") == 1
    assert "NOPERM" in "".join(capfd.readouterr())
    assert shell.enter(platform, "weaviate", command="raise SystemExit(7)") == 7
    assert shell.enter(platform, "weaviate", command="1 / 0") == 1
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_wrong_store_or_account_names_the_right_ones(platform: Platform) -> None:
    with pytest.raises(PlatformError, match="no shell for 'mysql'"):
        shell.run("mysql", "", "", "")
    with pytest.raises(PlatformError) as told:
        shell.enter(platform, "redis", "analyst")
    assert "monitor" in told.value.next_step


class ProcessList:
    """The words of every process that was seen while it looks."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._done = threading.Event()
        self._looks = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended
                    self.seen.add(path.read_text(errors="replace"))

    def __enter__(self) -> ProcessList:
        self._looks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._looks.join()


def test_no_password_is_an_argument_of_any_process_or_left_in_the_container(platform: Platform) -> None:
    with ProcessList() as processes:
        assert shell.enter(platform, "pg", command="select pg_sleep(0.5)") == 0
        assert shell.enter(platform, "redis", command="info server") == 0
    assert any("pg_sleep" in each for each in processes.seen)
    assert [secret for secret in secrets_of(platform) for each in processes.seen if secret in each] == []
    left = [
        execute(platform.containers[each], ["sh", "-c", "ls /tmp | grep christmas || true"]).text() for each in ("timescaledb", "redis")
    ]
    assert left == ["", ""]


PSQL = """#!{python}
# libpq as psql uses it, for machines without psql.
import os, sys
import psycopg
words = sys.argv[1:]
at = {{words[place]: words[place + 1] for place in range(0, len(words), 2)}}
with psycopg.connect(host=at["-h"], port=at["-p"], user=at["-U"], dbname=at["-d"]) as connection:
    print(connection.execute(at["-c"]).fetchone()[0], connection.info.password != "", connection.pgconn.ssl_in_use)
"""


def test_this_machines_psql_reads_the_password_from_memory(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tool = tmp_path / "psql"
    tool.write_text(PSQL.format(python=sys.executable))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shell.enter(platform, "pg", "api", "select current_user") == 0
    assert capfd.readouterr().out.split() == ["api", "True", "True"]


# Lines for usual clients


def test_the_line_for_psql_is_libpqs(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_lines, "LOCAL", tmp_path)
    line = client_lines.line(platform, "psql", "api")
    assert not [secret for secret in secrets_of(platform) if secret in line]
    setting, tool, url = shlex.split(line)
    assert tool == "psql"
    name, _, file = setting.partition("=")
    assert Path(file).stat().st_mode & 0o777 == 0o600
    program = f"import psycopg; print(psycopg.connect({url!r}).execute('select current_user').fetchone()[0])"
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | {name: file}, capture_output=True, text=True, check=False)
    assert done.stdout == "api\n", done.stderr


@pytest.mark.parametrize("client", client_lines.CLIENTS)
def test_no_line_shows_a_secret_and_files_are_their_owners(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setattr(client_lines, "LOCAL", tmp_path)
    line = client_lines.line(platform, client)
    assert not [secret for secret in secrets_of(platform) if secret in line]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    open_to_others = [path for path in written if path.stat().st_mode & 0o077]
    assert not [path for path in open_to_others for secret in secrets_of(platform) if secret in path.read_text()]


@pytest.mark.exhaustive
def test_the_real_clients_connect(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_lines, "LOCAL", tmp_path)
    folder = tmp_path / "clients"
    uv(SilentProgress(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder), doing="an environment for clients")
    python = str(folder / "bin" / "python")
    uv(SilentProgress(), "pip", "install", "--quiet", "--python", python, "pgcli", "weaviate-cli", doing="installing clients")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = kept | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def said(command: str, stdin: str = "") -> str:
        shell_words = ["bash", "-c", command]
        done = subprocess.run(shell_words, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "| analyst" in said(client_lines.line(platform, "pgcli"), "select current_user;\n\\q\n")
    assert DOCUMENTS in said(client_lines.line(platform, "weaviate-cli") + " get collection")


# Logs


def test_logs_of_all_services_by_time_with_their_names_and_without_secrets(
    platform: Platform, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.enter(platform, "pg", command="select 1")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert logs.show(stack, [], "1h", follow=False, as_json=False) == 0
    lines = out.getvalue().splitlines()
    assert {line.split()[1] for line in lines} == {"timescaledb", "redis", "weaviate"}
    stamps = [line.split()[0] for line in lines]
    assert stamps == sorted(stamps)
    assert [secret for secret in secrets_of(platform) if secret in out.getvalue()] == []


def test_logs_of_one_service_and_since_when(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    logs.show(stack, ["redis"], "2h", follow=False, as_json=True)
    assert '"service": "redis"' in out.getvalue()
    assert '"service": "weaviate"' not in out.getvalue()
    with pytest.raises(PlatformError, match="no log of 'mysql'"):
        logs.show(stack, ["mysql"], "1h", follow=False, as_json=False)
    with pytest.raises(PlatformError, match="has no containers"):
        logs.show("test-nobody-made-this", [], "1h", follow=False, as_json=False)


def test_a_container_that_went_since_it_was_listed_has_no_lines() -> None:
    assert list(logs._lines(docker_client(), "test-nobody", "redis", "christmas-test-nobody-made-this", datetime.now(UTC))) == []


@pytest.mark.exhaustive
def test_following_goes_on_after_a_restart(platform: Platform, stack: str) -> None:
    program = f"from console import logs; logs.show({stack!r}, ['redis'], '1d', follow=True, as_json=False)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as follower:
        heard: list[str] = []
        assert follower.stdout is not None
        said = follower.stdout
        threading.Thread(target=lambda: heard.extend(iter(said.readline, "")), daemon=True).start()
        container = docker_client().containers.get(platform.containers["redis"])

        def starts() -> int:
            return sum("Ready to accept connections" in line for line in heard)

        try:
            before = wait_for(starts, "it shows the first start")
            container.restart()
            wait_for(lambda: starts() > before, "it shows the restart")
            container.restart()
            wait_for(lambda: starts() > before + 1, "it shows the next one")
            # Each once, although Docker repeats lines after a reconnect.
            assert starts() == before + 2
        finally:
            follower.terminate()
    wait_for(lambda: shell.enter(platform, "redis", command="ping") == 0, "redis is back")
