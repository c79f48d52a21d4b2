"""What containers are made of: files put into them, addresses, ends that are waited for, stops with grace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from airgap.toolchain.plugin import wire
from tests.integration.toolchain.docker_lab import PREFIX, image, remove_leftovers
from tests.integration.toolchain.docker_rpc import Plugin, urn
from tests.support.waiting import wait_for

_NAME = f"{PREFIX}-made"


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    with Plugin() as running:
        yield running


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    remove_leftovers()


def _container(**more: Any) -> dict[str, Any]:
    return {"name": _NAME, "image": image(), "command": ["sleep", "600"], "destroyGraceSeconds": 1, "init": True, **more}


def _run(engine: docker.APIClient, *command: str) -> str:
    run = engine.exec_create(_NAME, list(command))["Id"]
    output: bytes = engine.exec_start(run)
    assert engine.exec_inspect(run)["ExitCode"] == 0, output
    return output.decode()


@pytest.mark.exhaustive
def test_files_are_uploaded_as_asked(plugin: Plugin, engine: docker.APIClient, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("from a file")
    uploads = [
        {"file": "/etc/one/deep/plain", "content": "text"},
        {"file": "/etc/script", "content": "#!/bin/sh\necho run", "executable": True},
        {"file": "/etc/binary", "contentBase64": "AAEC/w==", "permissions": "0600"},
        {"file": "/etc/sourced", "source": str(source), "sourceHash": "1", "owner": "7", "group": "8"},
    ]
    plugin.create("Container", _container(uploads=uploads))
    listed = _run(engine, "stat", "-c", "%a %u %g %s", "/etc/one/deep/plain", "/etc/script", "/etc/binary", "/etc/sourced")
    assert listed.splitlines() == ["644 0 0 4", "744 0 0 18", "600 0 0 4", "644 7 8 11"]
    assert _run(engine, "/etc/script") == "run\n"


def test_files_reach_a_volume_of_a_read_only_container(plugin: Plugin, engine: docker.APIClient) -> None:
    volumes = [{"volumeName": _NAME, "containerPath": "/data"}]
    plugin.create("Container", _container(readOnly=True, volumes=volumes, uploads=[{"file": "/data/sub/file", "content": "text"}]))
    assert _run(engine, "cat", "/data/sub/file") == "text"


def test_attaching_waits_for_the_end_and_keeps_the_log(plugin: Plugin) -> None:
    inputs = _container(command=["sh", "-c", "echo done; exit 3"], attach=True, logs=True, mustRun=False)
    created = plugin.create("Container", inputs)
    assert (created.outputs["containerLogs"], created.outputs["exitCode"]) == ("done\n", 3)
    read = plugin.read(created)
    assert read is not None
    assert read.outputs["containerLogs"] == "done\n"
    assert not plugin.diff(read, inputs).detailedDiff


def test_networks_give_addresses_and_names(plugin: Plugin, engine: docker.APIClient) -> None:
    pool = [{"subnet": "172.30.98.0/24", "gateway": "172.30.98.1"}]
    network = plugin.create("Network", {"name": _NAME, "internal": True, "ipamConfigs": pool, "labels": [{"label": "a", "value": "1"}]})
    ends = [{"name": network.id, "aliases": ["db"], "ipv4Address": "172.30.98.77"}, {"name": "bridge"}]
    created = plugin.create("Container", _container(networksAdvanced=ends, hosts=[{"host": "peer", "ip": "10.9.8.7"}], hostname="here"))
    networks = engine.inspect_container(created.id)["NetworkSettings"]["Networks"]
    assert set(networks) == {_NAME, "bridge"}
    assert networks[_NAME]["IPAddress"] == "172.30.98.77"
    assert "10.9.8.7\tpeer" in _run(engine, "cat", "/etc/hosts")
    data = {item["networkName"]: item["ipAddress"] for item in created.outputs["networkDatas"]}
    assert data[_NAME] == "172.30.98.77"
    read = plugin.read(created)
    assert read is not None
    assert read.inputs == created.inputs


def test_ports_are_published_where_asked_or_where_docker_finds_room(plugin: Plugin, engine: docker.APIClient) -> None:
    inputs = _container(ports=[{"internal": 80, "ip": "127.0.0.1"}, {"internal": 53, "protocol": "udp", "ip": "127.0.0.1"}])
    created = plugin.create("Container", inputs)
    ports = {f"{port['internal']}/{port['protocol']}": port["external"] for port in created.outputs["ports"]}
    live = engine.inspect_container(created.id)["NetworkSettings"]["Ports"]
    assert {port: [{"HostIp": "127.0.0.1", "HostPort": str(number)}] for port, number in ports.items()} == live
    assert set(ports) == {"80/tcp", "53/udp"}
    assert min(ports.values()) >= 1024


def test_the_images_own_environment_is_no_difference(plugin: Plugin, engine: docker.APIClient) -> None:
    created = plugin.create("Container", _container(envs=["MINE=1"]))
    assert "FROM_IMAGE=yes" in engine.inspect_container(created.id)["Config"]["Env"]
    assert created.outputs["envs"] == ["MINE=1"]
    bare = plugin.create("Container", _container(name=f"{_NAME}-bare"), "bare")
    assert bare.outputs["envs"] == []
    assert bare.outputs["labels"] == []


@pytest.mark.exhaustive
def test_a_container_is_asked_to_stop_before_it_is_killed(plugin: Plugin, engine: docker.APIClient) -> None:
    script = "trap 'echo goodbye > /data/last; exit 0' TERM; echo ready > /data/last; while true; do sleep 0.1; done"
    volumes = [{"volumeName": _NAME, "containerPath": "/data"}]
    created = plugin.create("Container", _container(command=["sh", "-c", script], volumes=volumes, destroyGraceSeconds=20))
    wait_for(lambda: "ready" in _run(engine, "sh", "-c", "cat /data/last || true"), "the container has set its trap")
    plugin.delete(created)
    plugin.create("Container", _container(volumes=volumes))
    assert _run(engine, "cat", "/data/last") == "goodbye\n"


@pytest.mark.exhaustive
def test_removing_what_is_gone_already_is_fine(plugin: Plugin, engine: docker.APIClient) -> None:
    made = [plugin.create("Network", {"name": _NAME}), plugin.create("Volume", {"name": _NAME}), plugin.create("Container", _container())]
    engine.remove_container(made[2].id, force=True)
    engine.remove_network(made[0].id)
    engine.remove_volume(_NAME)
    for resource in made:
        plugin.delete(resource)


def test_an_image_is_removed_unless_it_is_kept(plugin: Plugin, engine: docker.APIClient) -> None:
    name = f"{PREFIX}-test:throwaway"
    repository, _, tag = name.partition(":")
    engine.tag(image(), repository, tag)
    kept = plugin.create("RemoteImage", {"name": name, "keepLocally": True})
    assert kept.id == kept.outputs["imageId"] + name
    plugin.delete(kept)
    assert engine.images(name=name)
    plugin.delete(plugin.create("RemoteImage", {"name": name}))
    assert not engine.images(name=name)
    assert engine.images(name=image())
    assert plugin.read(kept) is None


def test_a_previewed_image_that_is_here_is_known(plugin: Plugin) -> None:
    seen = plugin.create("RemoteImage", {"name": image()}, preview=True)
    assert seen.id == ""
    assert str(seen.outputs["imageId"]).startswith("sha256:")
    unknown = plugin.create("RemoteImage", {"name": "localhost:1/nothing:0"}, preview=True)
    assert unknown.outputs["imageId"] is wire.UNKNOWN


def test_names_are_made_up_once_and_kept(plugin: Plugin) -> None:
    checked = plugin.check("Volume", {}, "data")
    assert checked["name"].startswith("data-")
    assert checked["__defaults"] == ["name"]
    request = provider_pb2.CheckRequest(urn=urn("Volume", "data"), olds=wire.encode(checked), news=wire.encode({}), randomSeed=b"another")
    assert wire.decode(plugin.stub.Check(request).inputs)["name"] == checked["name"]


def test_what_is_there_can_be_read_for_an_import(plugin: Plugin) -> None:
    created = plugin.create("Container", _container(envs=["A=1"], memory=64, memorySwap=64, ports=[{"internal": 80, "ip": "127.0.0.1"}]))
    request = provider_pb2.ReadRequest(id=_NAME, urn=urn("Container", "imported"))
    answer = plugin.stub.Read(request)
    inputs = wire.decode(answer.inputs)
    assert answer.id == created.id
    assert {"name", "image", "command", "envs", "memory", "memorySwap", "ports", "init"} <= set(inputs)
    assert not {"hostname", "platform", "runtime", "ipcMode", "shmSize"} & set(inputs)
    state = wire.decode(answer.properties)
    checked = plugin.check("Container", {**wire.reveal(inputs), "destroyGraceSeconds": 1}, "imported")
    again = provider_pb2.DiffRequest(id=created.id, urn=urn("Container", "imported"), olds=wire.encode(state), news=wire.encode(checked))
    assert set(plugin.stub.Diff(again).diffs) == {"destroyGraceSeconds"}


def test_the_schema_lists_what_the_plugin_has(plugin: Plugin) -> None:
    import json

    schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["name"], schema["version"]) == ("docker", "5.2.0")
    assert set(schema["resources"]) == {urn(kind, "").split("::")[2] for kind in ("Network", "Volume", "RemoteImage", "Container")}
    container = schema["resources"]["docker:index/container:Container"]
    assert container["requiredInputs"] == ["image"]
    assert container["inputProperties"]["ports"]["items"] == {"$ref": "#/types/docker:index/containerPorts:ContainerPorts"}
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == "5.2.0"
