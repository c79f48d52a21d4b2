"""What a change means, as the official plugin was seen to decide it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airgap.toolchain.docker_plugin.checking import check
from airgap.toolchain.docker_plugin.diffing import Step, difference
from airgap.toolchain.docker_plugin.resources import RESOURCES
from airgap.toolchain.docker_plugin.tables.container import CONTAINER
from airgap.toolchain.plugin.wire import UNKNOWN
from tests.integration.toolchain.observe_docker_plugin import CHANGES, KINDS, OFFICIAL, arguments, without_defaults

_SEEN = json.loads(OFFICIAL.read_text(encoding="utf-8"))
_STEPS = {
    "add": Step.ADD,
    "add-replace": Step.ADD_REPLACE,
    "delete": Step.DELETE,
    "delete-replace": Step.DELETE_REPLACE,
    "update": Step.UPDATE,
    "update-replace": Step.UPDATE_REPLACE,
}


def _state(kind: str, when: str = "state") -> dict[str, Any]:
    return next(state for state in _SEEN[when] if state["type"].endswith(f":{kind}"))


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, changes in CHANGES.items() for name in changes])
@pytest.mark.parametrize("when", ["state", "state_after_refresh"])
def test_each_change_is_decided_as_by_the_official_plugin(part: str, name: str, when: str) -> None:
    kind = KINDS[part]
    state = _state(kind, when)
    properties = RESOURCES[state["type"]].properties
    wanted, failures = check(properties, {**without_defaults(state["inputs"]), name: CHANGES[part][name]})
    assert not failures
    found = difference(properties, state["outputs"], wanted)
    (snake,) = arguments({name: 0})
    expected = _SEEN["changes"][f"{part}.{snake}"][kind]
    assert found.steps == {path: _STEPS[step] for path, step in expected["diff"].items()}
    assert bool(found.replaces) == ("replace" in expected["op"])


@pytest.mark.parametrize("when", ["state", "state_after_refresh"])
@pytest.mark.parametrize("kind", [*KINDS.values(), "RemoteImage"])
def test_a_state_that_the_official_plugin_recorded_shows_no_change(kind: str, when: str) -> None:
    state = _state(kind, when)
    properties = RESOURCES[state["type"]].properties
    wanted, _ = check(properties, without_defaults(state["inputs"]))
    assert wanted == state["inputs"]
    assert difference(properties, state["outputs"], wanted).steps == {}


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ({"envs": ["A=1", "B=2"]}, {"envs": ["B=2", "A=1"]}, {}),
        ({"envs": ["A=1", "B=2"]}, {"envs": ["A=1"]}, {"envs[1]": Step.DELETE_REPLACE}),
        ({"envs": ["A=1"]}, {"envs": ["A=1", "B=2"]}, {"envs[1]": Step.ADD_REPLACE}),
        ({"envs": ["FROM_IMAGE=1"]}, {}, {}),
        ({"command": ["a", "b"]}, {"command": ["b", "a"]}, {"command[0]": Step.UPDATE_REPLACE, "command[1]": Step.UPDATE_REPLACE}),
        ({"capabilities": {"adds": [], "drops": ["CAP_NET_RAW"]}}, {"capabilities": {"drops": ["NET_RAW"]}}, {}),
        ({"securityOpts": ["no-new-privileges"]}, {"securityOpts": ["no-new-privileges:true"]}, {}),
        ({"healthcheck": {"tests": ["CMD", "a"], "interval": "1m0s"}}, {"healthcheck": {"tests": ["CMD", "a"], "interval": "60s"}}, {}),
        (
            {"healthcheck": {"tests": ["CMD", "a"], "retries": 3}},
            {"healthcheck": {"tests": ["CMD", "a"]}},
            {"healthcheck.retries": Step.DELETE},
        ),
        ({"ports": [{"internal": 80, "external": 32768, "ip": "0.0.0.0", "protocol": "tcp"}]}, {"ports": [{"internal": 80}]}, {}),
        ({"ports": [{"internal": 80, "external": 8080}]}, {}, {"ports": Step.DELETE_REPLACE}),
        ({"ports": [{"internal": 80, "external": 8080}]}, {"publishAllPorts": False}, {"ports": Step.DELETE_REPLACE}),
        ({"ports": [{"internal": 80, "external": 8080}], "publishAllPorts": True}, {"publishAllPorts": True}, {}),
        (
            {"ports": [{"internal": 1, "external": 1}, {"internal": 2, "external": 2}]},
            {"ports": [{"internal": 2, "external": 2}, {"internal": 1, "external": 1}]},
            {},
        ),
        ({"cpus": "0.50"}, {"cpus": "0.5"}, {}),
        ({"memory": 512}, {}, {"memory": Step.DELETE}),
        ({"memory": 0}, {}, {}),
        ({"memorySwap": 128}, {}, {}),
        ({"user": "postgres"}, {}, {}),
        ({"tmpfs": {}}, {"tmpfs": {"/run": "size=1m"}}, {"tmpfs": Step.ADD}),
        (
            {"sysctls": {"net.core.somaxconn": "1", "kernel.shm": "1"}},
            {"sysctls": {"kernel.shm": "1"}},
            {'sysctls["net.core.somaxconn"]': Step.DELETE_REPLACE},
        ),
        ({"image": "sha256:a"}, {"image": UNKNOWN}, {"image": Step.UPDATE_REPLACE}),
        ({"networksAdvanced": [{"name": "n"}]}, {"networksAdvanced": [{"name": UNKNOWN}]}, {"networksAdvanced": Step.UPDATE_REPLACE}),
        ({"labels": [{"label": "a", "value": "1"}]}, {"labels": []}, {"labels": Step.DELETE_REPLACE}),
        (
            {"labels": [{"label": "a", "value": "1"}]},
            {"labels": [{"label": "a", "value": UNKNOWN}]},
            {"labels[0].value": Step.UPDATE_REPLACE},
        ),
        ({"mustRun": False}, {"mustRun": True}, {"mustRun": Step.UPDATE}),
    ],
)
def test_changes_of_a_container(old: dict[str, Any], new: dict[str, Any], steps: dict[str, Step]) -> None:
    table = tuple(prop for prop in CONTAINER if prop.name in {*old, *new})
    assert difference(table, old, new).steps == steps


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        (["labels"], {"command[0]"}),
        (["labels[0].value"], {"command[0]"}),
        (["labels[0]"], {"command[0]"}),
        (["command"], {"labels[0].value"}),
        (["label"], {"labels[0].value", "command[0]"}),
    ],
)
def test_ignored_changes_are_left_out(ignored: list[str], left: set[str]) -> None:
    old = {"labels": [{"label": "a", "value": "1"}], "command": ["a"]}
    new = {"labels": [{"label": "a", "value": "2"}], "command": ["b"]}
    table = tuple(prop for prop in CONTAINER if prop.name in old)
    assert set(difference(table, old, new, ignored).steps) == left
