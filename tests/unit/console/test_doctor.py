"""The doctor without packages, in a fresh clone: each problem is reported with the command that fixes it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import doctor_machine
from tests.support.cases import in_make_test

ROOT = Path(__file__).parents[3]
_COPIED = ("airgap", "christmas", "console", "core", "infra", "monitor", "requirements", "pyproject.toml", "Makefile")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which nothing was made yet."""
    folder = tmp_path_factory.mktemp("clone")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "CHRISTMAS_", "DOCKER_", "PYTHON"))}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return kept | {"COLUMNS": "80"} | more


def examine(folder: Path, **more: str) -> dict[str, dict[str, object]]:
    """What it finds, by name. Without the packages of this environment: `-S`."""
    command = [sys.executable, "-S", "-m", "console.doctor", "--json", "--stack", "nobodys"]
    done = subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {0, 1, 2, 3}, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    return {check["name"]: check for check in document["checks"]}


def test_a_fresh_clone_is_told_what_to_run_first(fresh: Path) -> None:
    found = examine(fresh)
    assert (found["machine.environment"]["status"], found["machine.environment"]["next_step"]) == (
        "warning",
        "make machine (make up does it, too)",
    )
    assert found["pulumi.passphrase"]["status"] == found["stack.name"]["status"] == found["stack.restore"]["status"] == "ok"
    assert all(each["next_step"] for each in found.values() if each["status"] != "ok")
    # Nothing was made by looking.
    assert not (fresh / ".venv").exists()
    assert not (fresh / ".christmas").exists()


def test_make_doctor_is_the_same_and_has_its_exit_code(fresh: Path) -> None:
    python = f"PYTHON={sys.executable}"
    done = subprocess.run(
        ["make", "--no-print-directory", "doctor", python, "ARGS=--stack nobodys"],
        cwd=fresh,
        env=environment(DOCKER_HOST="unix:///nowhere/docker.sock", NO_COLOR="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "critical docker.engine" in " ".join(done.stdout.split())
    assert "Error 2" in done.stderr
    assert not (fresh / ".venv").exists()


def test_an_engine_that_is_not_there_is_critical_and_what_needs_it_unknown(fresh: Path) -> None:
    found = examine(fresh, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert found["docker.engine"]["status"] == "critical"
    assert "DOCKER_HOST" in str(found["docker.engine"]["next_step"])
    assert found["docker.images"]["status"] == found["stack.owner"]["status"] == "unknown"
    assert found["docker.images"]["next_step"] == "see docker.engine"
    assert found["pulumi.passphrase"]["status"] == "ok"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        for each in kept:
            each.close()


def test_an_engine_that_hangs_is_unknown_and_holds_up_nothing(fresh: Path, silent: str) -> None:
    found = examine(fresh, DOCKER_HOST=f"tcp://{silent}")
    assert found["docker.engine"]["status"] == "unknown"
    assert "does not answer within" in str(found["docker.engine"]["message"])
    assert found["machine.python"]["status"] == "ok"


def test_a_context_that_is_gone_is_named(fresh: Path, tmp_path: Path) -> None:
    found = examine(fresh, DOCKER_CONFIG=str(tmp_path), DOCKER_CONTEXT="gone")
    assert found["docker.engine"]["status"] == "critical"
    assert "`gone`" in str(found["docker.engine"]["message"])
    assert "docker context ls" in str(found["docker.engine"]["next_step"])


@pytest.mark.parametrize(
    ("content", "status", "word"),
    in_make_test(
        [
            ('{"credsStore": "desktop-of-yesterday"}', "warning", "docker-credential-desktop-of-yesterday is not on PATH"),
            ('{"credHelpers": {"r.example.org": "gone"}}', "warning", "docker-credential-gone"),
            ("{", "warning", "can't be read"),
            ("[]", "critical", "is not a valid client configuration"),
            ('{"auths": {}}', "ok", "no credential helpers"),
        ],
        0,
    ),
)
def test_credentials(fresh: Path, tmp_path: Path, content: str, status: str, word: str) -> None:
    (tmp_path / "config.json").write_text(content)
    found = examine(fresh, DOCKER_CONFIG=str(tmp_path))["docker.credentials"]
    assert found["status"] == status
    assert word in str(found["message"])


def test_proxies(fresh: Path, silent: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    dead = examine(fresh, https_proxy=f"http://user:hunter2@127.0.0.1:{closed}")["machine.proxies"]
    assert dead["status"] == "critical"
    assert "hunter2" not in json.dumps(dead)
    caught = examine(fresh, HTTPS_PROXY=f"http://{silent}", NO_PROXY="example.org")["machine.proxies"]
    assert caught["status"] == "warning"
    assert str(caught["next_step"]).startswith("export no_proxy=example.org,localhost,127.0.0.1")
    assert examine(fresh, HTTPS_PROXY=f"http://{silent}", NO_PROXY="localhost,127.0.0.1")["machine.proxies"]["status"] == "ok"


def test_what_a_clone_has_lost(fresh: Path) -> None:
    local = fresh / ".christmas"
    stacks, locks = local / "state/.pulumi/stacks/christmas", local / "state/.pulumi/locks/organization/christmas/nobodys"
    for folder in (stacks, locks, local / "backups" / "nobodys"):
        folder.mkdir(parents=True)
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    lock = {"username": "somebody", "hostname": socket.gethostname(), "pid": int(gone), "timestamp": "2026-11-29T12:00:00+00:00"}
    (locks / "1.json").write_text(json.dumps(lock))
    (local / "backups" / "nobodys" / "restore.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        block = {"type": "christmas:index:PortBlock", "outputs": {"ports": {"redis": other.getsockname()[1]}}}
        (stacks / "nobodys.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": [block]}}}))
        ahead = time.time() + 900
        os.utime(local / "backups" / "nobodys" / "restore.json", (ahead, ahead))
        os.utime(stacks / "nobodys.json", (ahead, ahead))
        (local / "clock").mkdir()
        (local / "clock" / "ahead").touch()
        os.utime(local / "clock" / "ahead", (ahead, ahead))
        try:
            found = examine(fresh)
        finally:
            shutil.rmtree(local)
    assert {
        name: found[name]["status"] for name in ("pulumi.passphrase", "pulumi.locks", "stack.restore", "stack.ports", "machine.clock")
    } == {
        "pulumi.passphrase": "critical",
        "pulumi.locks": "warning",
        "stack.restore": "critical",
        "stack.ports": "critical",
        "machine.clock": "critical",
    }
    assert "nobodys" in str(found["pulumi.passphrase"]["message"])
    assert "pulumi cancel --yes --stack nobodys" in str(found["pulumi.locks"]["next_step"])


def test_an_environment_whose_python_is_gone(fresh: Path) -> None:
    (fresh / ".venv" / "bin").mkdir(parents=True)
    (fresh / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    try:
        found = examine(fresh)["machine.environment"]
    finally:
        shutil.rmtree(fresh / ".venv")
    assert found["status"] == "critical"
    assert "is a broken link" in str(found["message"])


def test_a_name_that_can_not_be(fresh: Path) -> None:
    command = [sys.executable, "-S", "-m", "console.doctor", "--json", "--stack", "Not_A_Name"]
    done = subprocess.run(command, cwd=fresh, env=environment(), capture_output=True, text=True, check=False)
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}["stack.name"]
    assert found["status"] == "critical"
    assert "CHRISTMAS_STACK=not-a-name" in found["next_step"]


def test_files_that_go_while_the_clock_is_looked_at_hold_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".christmas" / "schedule").mkdir(parents=True)
    (tmp_path / ".christmas" / "schedule" / "draft").touch()
    is_file = Path.is_file

    def gone_right_after(path: Path) -> bool:
        answer = is_file(path)
        if path.name == "draft":
            path.unlink(missing_ok=True)
        return answer

    monkeypatch.setattr(Path, "is_file", gone_right_after)
    assert doctor_machine.clock(tmp_path).value is not None
