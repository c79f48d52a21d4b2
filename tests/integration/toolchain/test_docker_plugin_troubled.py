"""Containers, networks and volumes are made once, though a request is carried twice, or its answer is late or cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.toolchain.docker_lab import image
from tests.integration.toolchain.docker_rpc import Made, Plugin, RefusedError
from tests.integration.toolchain.test_docker_plugin_lifecycle import LABELS, NAME
from tests.support.cases import in_make_test
from tests.support.troubled import Kind, Trouble, Wire
from tests.support.troubled.http import docker_wire

CREATED: dict[str, dict[str, Any]] = {
    "Network": {"name": NAME, "labels": LABELS},
    "Volume": {"name": NAME},
    "Container": {"name": NAME, "image": "", "command": ["sleep", "600"], "init": True, "destroyGraceSeconds": 1},
}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with docker_wire(tmp_path / "docker.sock") as made:
        yield made


@pytest.fixture
def plugin(wire: Wire) -> Iterator[Plugin]:
    with Plugin({"DOCKER_HOST": f"unix://{wire.host}"}) as running:
        yield running


def inputs(kind: str) -> dict[str, Any]:
    return {**CREATED[kind], "image": image()} if kind == "Container" else CREATED[kind]


def create(plugin: Plugin, wire: Wire, kind: str, trouble: Trouble | None) -> Made:
    """Create with this trouble, and, where that failed, as the next run does."""
    wire.reset(trouble)
    try:
        return plugin.create(kind, inputs(kind))
    except RefusedError:
        assert trouble is not None
        assert trouble.kind is not Kind.TWICE, trouble
        wire.reset(None)
        return plugin.create(kind, inputs(kind))


def of_that_name(engine: docker.APIClient, kind: str) -> list[Any]:
    if kind == "Network":
        return [network for network in engine.networks() if network["Name"] == NAME]
    if kind == "Volume":
        return [volume for volume in engine.volumes()["Volumes"] or [] if volume["Name"] == NAME]
    return list(engine.containers(all=True, filters={"name": f"^/{NAME}$"}))


def requests(plugin: Plugin, wire: Wire, kind: str) -> list[str]:
    plugin.delete(create(plugin, wire, kind, None))
    created = create(plugin, wire, kind, None)
    labels = list(wire.requests)
    plugin.delete(created)
    return labels


def tried(plugin: Plugin, wire: Wire, engine: docker.APIClient, kind: str, trouble: Trouble) -> None:
    created = create(plugin, wire, kind, trouble)
    wire.reset(None)
    found = of_that_name(engine, kind)
    assert len(found) == 1, trouble
    assert created.id in {found[0].get("Id"), found[0].get("Name")}
    assert kind != "Container" or found[0]["State"] == "running"
    plugin.delete(created)
    assert of_that_name(engine, kind) == []


@pytest.mark.parametrize("trouble", in_make_test([Kind.TWICE, Kind.CUT], 0))
@pytest.mark.parametrize("kind", list(CREATED))
def test_what_is_made_by_a_request_that_came_twice_or_was_not_answered(
    plugin: Plugin, wire: Wire, engine: docker.APIClient, kind: str, trouble: Kind
) -> None:
    labels = requests(plugin, wire, kind)
    (made_by,) = [at for at, label in enumerate(labels) if "/create" in label]
    tried(plugin, wire, engine, kind, Trouble(trouble, made_by))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", list(CREATED))
def test_any_trouble_with_any_request_of_the_plugin(plugin: Plugin, wire: Wire, engine: docker.APIClient, kind: str) -> None:
    for first, trouble in itertools.product(range(len(requests(plugin, wire, kind))), Kind):
        tried(plugin, wire, engine, kind, Trouble(trouble, first, seconds=0.2))
