"""What refresh sees of changes made by hand, and what the next `up` would then do about them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from tests.integration.toolchain.docker_lab import PREFIX, image, remove_leftovers
from tests.integration.toolchain.docker_rpc import Made, Plugin
from tests.support.cases import in_make_test

_NAME = f"{PREFIX}-drift"


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    with Plugin() as running:
        yield running


@pytest.fixture(scope="module")
def networks(plugin: Plugin) -> Iterator[list[str]]:
    names = [f"{_NAME}-a", f"{_NAME}-b"]
    for name in names:
        plugin.create("Network", {"name": name, "labels": [{"label": "a", "value": "1"}]}, name)
    yield names
    remove_leftovers()


@pytest.fixture
def made(plugin: Plugin, networks: list[str], engine: docker.APIClient) -> Iterator[Made]:
    yield plugin.create("Container", _inputs(networks))
    with contextlib.suppress(docker.errors.NotFound):
        engine.remove_container(_NAME, v=True, force=True)


def _inputs(networks: list[str]) -> dict[str, Any]:
    return {
        "name": _NAME,
        "image": image(),
        "command": ["sleep", "600"],
        "envs": ["B=2", "A=1"],
        "labels": [{"label": "z", "value": "1"}, {"label": "a", "value": "2"}],
        "ports": [{"internal": 81, "ip": "127.0.0.1"}, {"internal": 80, "ip": "127.0.0.1"}],
        "volumes": [{"volumeName": f"{_NAME}-data", "containerPath": "/data"}],
        "mounts": [{"target": "/mnt", "type": "tmpfs", "tmpfsOptions": {"sizeBytes": 1048576}}],
        "networksAdvanced": [{"name": networks[0], "aliases": ["db"]}],
        "healthcheck": {"tests": ["CMD", "true"], "interval": "90s"},
        "capabilities": {"drops": ["ALL"], "adds": ["CHOWN"]},
        "securityOpts": ["no-new-privileges"],
        "memory": 64,
        "memorySwap": 64,
        "cpus": "0.50",
        "tmpfs": {"/run": "size=1m"},
        "ulimits": [{"name": "nofile", "soft": 100, "hard": 200}],
        "restart": "unless-stopped",
        "init": True,
        "stopTimeout": 1,
        "destroyGraceSeconds": 1,
        "mustRun": True,
    }


def test_nothing_has_drifted_at_first(plugin: Plugin, made: Made, networks: list[str]) -> None:
    read = plugin.read(made)
    assert read is not None
    assert read.id == made.id
    assert read.inputs == made.inputs
    assert not plugin.diff(read, _inputs(networks)).detailedDiff
    assert not plugin.diff(made, _inputs(networks)).detailedDiff


def _recreated(change: Callable[[dict[str, Any]], None]) -> Callable[[docker.APIClient, Made], None]:
    """Return the deed of someone who removes the container and runs another like it by hand."""

    def recreate(engine: docker.APIClient, made: Made) -> None:
        old: dict[str, Any] = engine.inspect_container(made.id)
        engine.remove_container(made.id, force=True)
        body = {**old["Config"], "HostConfig": {**old["HostConfig"], "ContainerIDFile": ""}}
        change(body)
        raw: Any = engine
        new = raw.create_container_from_config(body, name=_NAME)["Id"]
        if body["HostConfig"].pop("on", None) is None:
            engine.disconnect_container_from_network(new, "bridge")
            engine.connect_container_to_network(new, f"{_NAME}-a", aliases=["db"])
        engine.start(new)

    return recreate


def _set(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        *path, last = place.split(".")
        target = body
        for step in path:
            target = target[step]
        target[last] = value

    return change


_BINDINGS = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
_BY_HAND: dict[str, tuple[Callable[[docker.APIClient, Made], None], set[str]]] = {
    "stopped": (lambda engine, made: engine.stop(made.id, timeout=0), {"mustRun"}),
    "killed": (lambda engine, made: engine.kill(made.id), {"mustRun"}),
    "memory": (lambda engine, made: _updated(engine, made, mem_limit=100 << 20, memswap_limit=100 << 20), {"memory", "memorySwap"}),
    "restart": (lambda engine, made: _updated(engine, made, restart_policy={"Name": "always"}), {"restart"}),
    "cpu_shares": (lambda engine, made: _updated(engine, made, cpu_shares=512), {"cpuShares"}),
    "another network": (lambda engine, made: engine.connect_container_to_network(made.id, f"{_NAME}-b"), {"networksAdvanced"}),
    "off its network": (lambda engine, made: engine.disconnect_container_from_network(made.id, f"{_NAME}-a"), {"networksAdvanced"}),
    "env": (_recreated(_set("Env", ["A=1", "B=3"])), {"envs"}),
    "more env": (_recreated(_set("Env", ["A=1", "B=2", "C=3"])), {"envs"}),
    "labels": (_recreated(_set("Labels", {"a": "2"})), {"labels"}),
    "command": (_recreated(_set("Cmd", ["sleep", "601"])), {"command"}),
    "ports": (_recreated(_set("HostConfig.PortBindings", _BINDINGS)), {"ports"}),
    "volume": (_recreated(_set("HostConfig.Binds", [f"{_NAME}-other:/data:rw"])), {"volumes"}),
    "mount": (_recreated(_set("HostConfig.Mounts", [])), {"mounts"}),
    "healthcheck": (_recreated(_set("Healthcheck", {"Test": ["CMD", "false"], "Interval": 90_000_000_000})), {"healthcheck"}),
    "no healthcheck": (_recreated(_set("Healthcheck", None)), {"healthcheck"}),
    "capabilities": (_recreated(_set("HostConfig.CapDrop", None)), {"capabilities"}),
    "security": (_recreated(_set("HostConfig.SecurityOpt", None)), {"securityOpts"}),
    "cpus": (_recreated(_set("HostConfig.NanoCpus", 700_000_000)), {"cpus"}),
    "tmpfs": (_recreated(_set("HostConfig.Tmpfs", {"/run": "size=2m"})), {"tmpfs"}),
    "ulimits": (_recreated(_set("HostConfig.Ulimits", None)), {"ulimits"}),
    "read-only root": (_recreated(_set("HostConfig.ReadonlyRootfs", True)), {"readOnly"}),
    "user": (_recreated(_set("User", "1:1")), set()),
    "nothing": (_recreated(_set("Cmd", ["sleep", "600"])), set()),
}


def _updated(engine: docker.APIClient, made: Made, **options: Any) -> None:
    engine.update_container(made.id, **options)


@pytest.mark.parametrize("deed", in_make_test(list(_BY_HAND), 0, 2, 7, 9), ids=list(_BY_HAND))
def test_what_was_changed_by_hand_is_seen(plugin: Plugin, made: Made, engine: docker.APIClient, networks: list[str], deed: str) -> None:
    change, properties = _BY_HAND[deed]
    change(engine, made)
    read = plugin.read(made)
    assert read is not None
    assert set(plugin.diff(read, _inputs(networks)).diffs) == properties
    given = {name for name in properties if name in made.inputs}
    assert {name for name in made.inputs if name != "__defaults" and read.inputs.get(name) != made.inputs[name]} == given


@pytest.mark.exhaustive
def test_a_container_removed_by_hand_is_gone(plugin: Plugin, made: Made, engine: docker.APIClient) -> None:
    engine.remove_container(made.id, force=True)
    assert plugin.read(made) is None


@pytest.mark.parametrize("deed", in_make_test(["stopped", "memory", "restart", "cpu_shares"], 1))
def test_what_docker_can_change_is_put_right_in_place(
    plugin: Plugin, made: Made, engine: docker.APIClient, networks: list[str], deed: str
) -> None:
    _BY_HAND[deed][0](engine, made)
    read = plugin.read(made)
    assert read is not None
    updated = plugin.update(read, _inputs(networks))
    now = engine.inspect_container(made.id)
    assert now["State"]["Running"]
    assert (now["HostConfig"]["Memory"], now["HostConfig"]["MemorySwap"]) == (64 << 20, 64 << 20)
    assert now["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert now["HostConfig"]["CpuShares"] in (0, 1024)
    again = plugin.read(updated)
    assert again is not None
    assert not plugin.diff(again, _inputs(networks)).detailedDiff


def test_a_network_removed_and_made_by_hand_is_found_by_its_name(plugin: Plugin, engine: docker.APIClient) -> None:
    name = f"{_NAME}-byhand"
    inputs = {"name": name, "labels": [{"label": "a", "value": "1"}]}
    created = plugin.create("Network", inputs, name)
    engine.remove_network(created.id)
    assert plugin.read(created) is None
    engine.create_network(name, labels={"a": "2"})
    read = plugin.read(created)
    assert read is not None
    assert read.id != created.id
    assert set(plugin.diff(read, inputs).detailedDiff) == {"labels[0].value"}
    plugin.delete(read)
    assert plugin.read(created) is None


def test_a_volume_with_other_labels_is_never_replaced_for_them(plugin: Plugin, engine: docker.APIClient) -> None:
    name = f"{_NAME}-labelled"
    inputs = {"name": name, "labels": [{"label": "a", "value": "1"}]}
    created = plugin.create("Volume", inputs, name)
    engine.remove_volume(name)
    engine.create_volume(name)
    read = plugin.read(created)
    assert read is not None
    assert not plugin.diff(read, inputs).detailedDiff
    plugin.delete(read)
    assert plugin.read(created) is None
