"""Which locks are taken away: those of processes that are gone for certain, on this host, of this user."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airgap.toolchain.locks import clear_dead_locks, state_folder
from tests.support.programs import running

ME = pwd.getpwuid(os.geteuid()).pw_name
GONE = 2**22 + 1  # above the highest number that Linux gives


def lock(state: Path, *, stack: str = "dev", name: str = "a", **changed: object) -> Path:
    """A lock as Pulumi writes it, of a process that is gone unless something is changed."""
    file = state / ".pulumi" / "locks" / "organization" / "christmas" / stack / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"pid": GONE, "username": ME, "hostname": socket.gethostname(), "timestamp": datetime.now(UTC).isoformat()}
    file.write_text(json.dumps(content | changed))
    return file


def test_a_dead_runs_lock_goes_and_is_told(tmp_path: Path) -> None:
    dead, other = lock(tmp_path), lock(tmp_path, stack="other")
    (line,) = clear_dead_locks(f"file://{tmp_path}", "dev")
    assert f"process {GONE} of {ME} since " in line
    assert "stack dev" in line
    assert not dead.exists()
    assert other.exists()
    assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
    assert not other.exists()


@pytest.mark.parametrize("hours", [-1, 0, 1])
@pytest.mark.parametrize("name", ["pulumi", "pulumi-v3.259.0"])
def test_the_lock_of_a_process_that_runs_stays_also_where_the_clock_was_set(tmp_path: Path, name: str, hours: int) -> None:
    """A clock that is set forward lets whatever runs seem to have begun after its lock was made."""
    made = datetime.now(UTC) + timedelta(hours=hours)
    with running(name, tmp_path) as process:
        alive = lock(tmp_path, pid=process, timestamp=made.isoformat())
        assert clear_dead_locks(f"file://{tmp_path}") == []
    assert alive.exists()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_number_that_was_given_again_is_another_process(tmp_path: Path, hours: int) -> None:
    """As after a restart of the machine, also of one whose clock begins at a time before the lock was made."""
    made = datetime.now(UTC) + timedelta(hours=hours)
    with running("a (pulumi) clock", tmp_path) as process:
        old = lock(tmp_path, pid=process, timestamp=made.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"))
        assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
    assert not old.exists()


def test_whoever_looks_has_made_none_of_what_it_finds(tmp_path: Path) -> None:
    """The number may be given to the very run that comes after the killed one: the CLI takes its lock after this look."""
    own = lock(tmp_path, pid=os.getpid())
    assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
    assert not own.exists()


def test_one_that_has_ended_and_was_not_waited_for_is_gone(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    shutil.copyfile(shutil.which("true") or "", program)
    program.chmod(0o755)
    process = subprocess.Popen([program])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    ended = lock(tmp_path, pid=process.pid)
    try:
        assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
    finally:
        process.wait()
    assert not ended.exists()


@pytest.mark.parametrize("changed", [{"hostname": "elsewhere"}, {"timestamp": "yesterday"}, {"pid": None}], ids=["host", "time", "pid"])
def test_what_cant_be_judged_stays(tmp_path: Path, changed: dict[str, Any]) -> None:
    kept = lock(tmp_path, **changed)
    assert clear_dead_locks(f"file://{tmp_path}") == []
    assert kept.exists()


def test_another_users_lock_is_roots_business_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = lock(tmp_path, username="somebody-else")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() or 1)
    assert clear_dead_locks(f"file://{tmp_path}") == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
    assert not theirs.exists()


def test_a_lock_cut_off_while_it_was_written_stays(tmp_path: Path) -> None:
    half = lock(tmp_path)
    half.write_text('{"pid": 1')
    assert clear_dead_locks(f"file://{tmp_path}") == []
    assert half.exists()


def test_folders_are_found_as_they_are_written_and_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "내 #1 100%20"
    folder.mkdir()
    assert state_folder(f"file://{folder}") == folder
    assert state_folder(folder.as_uri() + "?no_tmp_dir=true") == folder
    assert state_folder("s3://bucket/state") is None
    assert state_folder("file://~") is None
    assert clear_dead_locks("s3://bucket/state") == []
