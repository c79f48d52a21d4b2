"""`up --kit` was killed before the kit's keys were here: a plain `up` would make others, with which neither kit nor sets can be used."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.toolchain.environment import pulumi_environment
from airgap.toolchain.locate import real_pulumi
from backup.restoring import recovery
from backup.restoring.recovery import Recovery
from core.errors import PlatformError
from infra import stack_state
from infra.connections import ROOT

STACK = f"test-cut-{os.getpid()}"
URN = f"urn:pulumi:{STACK}::christmas::pulumi:pulumi:Stack::christmas-{STACK}"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A state of its own, without stacks."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the tests")
    yield
    stack_state.settings_file(STACK).unlink(missing_ok=True)


@pytest.mark.parametrize("restore", [True, False])
def test_a_plain_up_is_refused_until_the_kits_keys_are_here(state: None, tmp_path: Path, restore: bool) -> None:
    folder = tmp_path / "sets"
    recovery.refuse_without_keys(folder, STACK)
    recovery.begin(folder, Recovery("its hash", "2026-11-30 05:42 UTC", restore))
    for _ in range(2):  # without the stack, then with an empty one
        with pytest.raises(PlatformError, match="cut off before its keys were here") as refused:
            recovery.refuse_without_keys(folder, STACK)
        assert f"invoke up --kit FILE --stack {STACK}" in refused.value.next_step
        subprocess.run(
            [str(real_pulumi()), "stack", "init", STACK, "--non-interactive"], cwd=ROOT, env=pulumi_environment(ROOT), check=False
        )
    stack_state.put(STACK, {"version": 3, "deployment": {"resources": [{"urn": URN, "custom": False, "type": "pulumi:pulumi:Stack"}]}})
    recovery.refuse_without_keys(folder, STACK)


def test_data_that_was_deleted_on_purpose_waits_for_no_kit(state: None, tmp_path: Path) -> None:
    recovery.begin(tmp_path / "sets", Recovery("its hash", "2026-11-30 05:42 UTC", restore=True))
    recovery.note_emptied(tmp_path / "sets")
    assert recovery.read(tmp_path / "sets") is None
    recovery.refuse_without_keys(tmp_path / "sets", STACK)
