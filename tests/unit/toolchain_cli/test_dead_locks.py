"""Which locks are taken away: those of processes that are gone for certain, on this host, of this user."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airgap.toolchain.locks import clear_dead_locks, state_folder

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


def test_the_lock_of_a_process_that_runs_stays(tmp_path: Path) -> None:
    alive = lock(tmp_path, pid=os.getpid())
    assert clear_dead_locks(f"file://{tmp_path}") == []
    assert alive.exists()


def test_a_number_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    """As after a restart of the machine: the number is taken, by a process that began after the lock was made."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as later:
        try:
            before, now = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(seconds=1)
            old = lock(tmp_path, name="old", pid=later.pid, timestamp=before.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"))
            young = lock(tmp_path, name="young", pid=later.pid, timestamp=now.isoformat())
            assert len(clear_dead_locks(f"file://{tmp_path}")) == 1
        finally:
            later.kill()
    assert not old.exists()
    assert young.exists()


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
