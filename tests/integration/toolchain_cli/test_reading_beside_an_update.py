"""A stack is read at the moment in which an update writes its state, or after an update that was killed in it."""

from __future__ import annotations

import getpass
import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airgap.toolchain import asking
from airgap.toolchain.asking import ask

if TYPE_CHECKING:
    from .conftest import Clone

OUTPUTS = ("stack", "output", "--json", "--stack", "dev")


@pytest.fixture
def attributes(stack: Clone, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that Pulumi empties before it writes it anew."""
    stack.pulumi("up", "--yes", "--skip-preview")
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    (found,) = stack.state.rglob("stacks/**/dev.json.attrs")
    return found


def test_a_state_that_is_half_written_is_read_again(stack: Clone, attributes: Path) -> None:
    whole = attributes.read_text()
    attributes.write_text("")
    writer = threading.Timer(2, attributes.write_text, [whole])
    writer.start()
    done = ask(stack.root, *OUTPUTS)
    writer.join()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["greeting"] == "hello"


@pytest.mark.exhaustive
def test_a_state_that_stays_so_is_told_after_some_seconds(stack: Clone, attributes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 0.5)
    attributes.write_text("")
    done = ask(stack.root, *OUTPUTS)
    assert done.returncode != 0
    assert "failed to load checkpoint: EOF" in done.stderr


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", ["pulumi up", "a look"])
def test_an_update_that_was_killed_in_that_moment_is_gone_on_with(stack: Clone, attributes: Path, first: str) -> None:
    left = {"pid": 4194305, "username": getpass.getuser(), "hostname": socket.gethostname(), "timestamp": "2026-11-23T05:55:38.5Z"}
    lock = stack.state / ".pulumi" / "locks" / "organization" / "tiny" / "dev" / "75de4d6f-e072-4c5d-b1c4-074e0f1bcb88.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps(left))
    attributes.write_text("")
    if first == "pulumi up":
        stack.pulumi("up", "--yes", "--skip-preview")
    assert json.loads(ask(stack.root, *OUTPUTS).stdout)["greeting"] == "hello"
