"""The plugin beside the official one: every state, every default and every update-or-replace decision, through the real CLI."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.toolchain.docker_lab import ROOT, image
from tests.integration.toolchain.observe_docker_plugin import CHANGES, OFFICIAL, arguments

pytestmark = pytest.mark.exhaustive

_SEEN = json.loads(OFFICIAL.read_text(encoding="utf-8"))
_RANDOM = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("conformance")
    answer = folder / "observed.json"
    module = "tests.integration.toolchain.observe_docker_plugin"
    ran = subprocess.run([sys.executable, "-m", module, answer, folder], cwd=ROOT, capture_output=True, text=True, timeout=540, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    document: dict[str, Any] = json.loads(Path(answer).read_text(encoding="utf-8"))
    return document


def _settled(value: Any) -> Any:
    """Return a value with what differs from run to run made alike: ids, and the name of the image."""
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, str):
        return _RANDOM.sub("ID", value.replace(image(), "IMAGE").replace("conformance-image", "IMAGE"))
    return value


@pytest.mark.parametrize("kind", ["Network", "Volume", "RemoteImage", "Container"])
@pytest.mark.parametrize("when", ["state", "state_after_refresh"])
def test_states_are_the_official_ones(observed: dict[str, Any], when: str, kind: str) -> None:
    ours, official = (next(state for state in seen[when] if state["type"].endswith(f":{kind}")) for seen in (observed, _SEEN))
    assert _settled(ours) == _settled(official)


def test_nothing_changes_on_its_own(observed: dict[str, Any]) -> None:
    assert observed["preview_unchanged"] == {}


def test_every_observed_change_is_tried() -> None:
    tried = {f"{part}.{snake}" for part, changes in CHANGES.items() for snake in arguments(changes)}
    assert tried == set(_SEEN["changes"])


@pytest.mark.parametrize("change", sorted(_SEEN["changes"]))
def test_decisions_are_the_official_ones(observed: dict[str, Any], change: str) -> None:
    assert observed["changes"][change] == _SEEN["changes"][change]
