"""Runs that were killed, locks they left, passphrases that are lost or wrong: tried with the real CLI, then explained."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airgap.toolchain.pulumi_failures import diagnose
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from .conftest import Clone


def test_a_killed_run_leaves_no_process_and_a_lock_that_the_next_run_takes_away(
    stack: Clone, tmp_path: Path, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    program = stack.program.read_text()
    mark = tmp_path / "started"
    stack.program.write_text(
        f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(f'{{os.getpid()}} {{os.getppid()}}')\ntime.sleep(300)\n"
    )
    process = stack.start("up", "--yes", "--skip-preview", log=tmp_path / "log")
    wait_for(lambda: mark.is_file() and " " in mark.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = mark.read_text().split()
    assert len(left) == 2
    for pid in left:  # the program, and the language host that started it
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]

    stack.program.write_text(program)
    taken_over = stack.pulumi("up", "--yes", "--skip-preview")
    assert f"took away the lock on stack dev that a killed run left (process {process.pid} of " in taken_over.stderr
    assert "2 created" in taken_over.stdout


@pytest.mark.exhaustive
def test_the_lock_of_another_hosts_run_stays_and_is_explained(stack: Clone, tmp_path: Path) -> None:
    lock = stack.state / ".pulumi" / "locks" / "organization" / "tiny" / "dev" / "75de4d6f-e072-4c5d-b1c4-074e0f1bcb88.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text('{"pid": 4194305, "username": "root", "hostname": "elsewhere", "timestamp": "2026-11-23T05:55:38.5Z"}')
    refused = stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode != 0
    known = diagnose(refused.stderr + refused.stdout)
    assert known is not None
    message = str(known)
    assert "process 4194305 of root on elsewhere" in message
    assert "pulumi cancel --yes --stack dev" in message

    stack.pulumi("cancel", "--yes", "--stack", "dev")
    assert "2 created" in stack.pulumi("up", "--yes", "--skip-preview").stdout


@pytest.mark.exhaustive
def test_a_lock_of_a_run_that_goes_on_is_to_be_waited_for(
    stack: Clone, tmp_path: Path, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    mark = tmp_path / "started"
    stack.program.write_text(f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(300)\n")
    process = stack.start("up", "--yes", "--skip-preview", log=tmp_path / "log")
    wait_for(mark.is_file)
    try:
        refused = stack.pulumi("up", "--yes", "--skip-preview", check=False)
        known = diagnose(refused.stderr + refused.stdout)
    finally:
        os.kill(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
    assert known is not None
    message = str(known)
    assert "is locked by another run" in message
    assert "wait until it has ended" in message


@pytest.mark.exhaustive
def test_a_wrong_passphrase_changes_nothing_and_is_explained(stack: Clone) -> None:
    stack.pulumi("up", "--yes", "--skip-preview")
    before = {path: path.read_bytes() for path in stack.state.rglob("stacks/**/*.json")}
    refused = stack.pulumi("up", "--yes", check=False, PULUMI_CONFIG_PASSPHRASE="wrong")
    assert refused.returncode != 0
    known = diagnose(refused.stderr + refused.stdout)
    assert known is not None
    message = str(known)
    assert "The passphrase is not the one" in message
    assert {path: path.read_bytes() for path in stack.state.rglob("stacks/**/*.json")} == before
    assert "2 unchanged" in stack.pulumi("up", "--yes").stdout


@pytest.mark.exhaustive
def test_a_passphrase_file_that_is_not_there_is_explained(stack: Clone) -> None:
    refused = stack.pulumi("preview", check=False, PULUMI_CONFIG_PASSPHRASE_FILE="/nonexistent/passphrase")
    assert refused.returncode != 0
    known = diagnose(refused.stderr + refused.stdout)
    assert known is not None
    message = str(known)
    assert "/nonexistent/passphrase" in message


@pytest.mark.exhaustive
def test_a_lost_passphrase_is_not_replaced_by_a_new_one(stack: Clone) -> None:
    file = stack.root / ".christmas" / "passphrase"
    words = file.read_text()
    file.unlink()
    refused = stack.pulumi("up", "--yes", check=False)
    assert refused.returncode == 1
    assert "The passphrase file is gone" in refused.stderr
    assert "stacks: dev" in refused.stderr
    assert not file.exists()
    assert "2 to create" in stack.pulumi("preview", PULUMI_CONFIG_PASSPHRASE=words).stdout


@pytest.mark.exhaustive
def test_two_first_commands_at_once_agree_on_one_passphrase(clone: Clone, tmp_path: Path) -> None:
    processes = [clone.start("stack", "ls", log=tmp_path / f"log{number}") for number in range(6)]
    assert [process.wait(PATIENCE) for process in processes] == [0] * 6
    assert [entry.name for entry in (clone.root / ".christmas").glob("passphrase*")] == ["passphrase"]


@pytest.mark.exhaustive
def test_a_cli_that_is_too_old_for_the_project_is_explained(stack: Clone) -> None:
    settings = stack.root / "Pulumi.yaml"
    settings.write_text(settings.read_text() + 'requiredPulumiVersion: ">=9.0.0"\n')
    refused = stack.pulumi("preview", check=False)
    known = diagnose(refused.stderr + refused.stdout)
    assert known is not None
    message = str(known)
    assert "this project wants >=9.0.0" in message
