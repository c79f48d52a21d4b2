"""Stacks with containers through the real Pulumi CLI: up, drift, repair, secrets, files, destroy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.toolchain.docker_lab import PREFIX, Lab, image

NAME = f"{PREFIX}-life"
LABELS = [{"label": "com.christmas.test", "value": "docker-plugin"}]
_SECRET = "b6d0a1c2f4e8"


def program(*, options: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """Return a program with a network, a volume and a container on both."""
    given = {
        "name": NAME,
        "image": {"output": ["picture", "image_id"]},
        "command": ["sleep", "600"],
        "init": True,
        "memory": 32,
        "memory_swap": 32,
        "labels": LABELS,
        "destroy_grace_seconds": 1,
        "volumes": [{"volume_name": {"output": ["data", "name"]}, "container_path": "/data"}],
        "networks_advanced": [{"name": {"output": ["net", "name"]}, "aliases": ["db"]}],
    }
    return {
        "net": {"kind": "Network", "arguments": {"name": NAME, "labels": LABELS}},
        "data": {"kind": "Volume", "arguments": {"name": NAME, "labels": LABELS}, "options": {"retain_on_delete": True}},
        "picture": {"kind": "RemoteImage", "arguments": {"name": {"test_image": True}, "keep_locally": True}},
        "c": {"kind": "Container", "arguments": {**given, **container}, "options": options or {}},
    }


def in_container(engine: docker.APIClient, *command: str) -> str:
    """Return what a command in the container prints."""
    run = engine.exec_create(NAME, list(command))["Id"]
    output: bytes = engine.exec_start(run)
    assert engine.exec_inspect(run)["ExitCode"] == 0, output
    return output.decode()


@pytest.mark.exhaustive
def test_preview_up_destroy_and_up_again(lab: Lab, engine: docker.APIClient) -> None:
    assert lab.run("preview", program()).changes == {"create": 5}
    assert not engine.containers(all=True, filters={"name": NAME})
    assert not engine.networks(names=[NAME])
    assert not engine.volumes(filters={"name": NAME})["Volumes"]
    assert lab.run("up").changes == {"create": 5}
    in_container(engine, "sh", "-c", "echo kept > /data/file")
    assert lab.run("up", refresh=True).changes == {}
    lab.run("destroy").succeeded()
    assert not engine.containers(all=True, filters={"name": NAME})
    assert not engine.networks(names=[NAME])
    assert engine.inspect_volume(NAME)
    lab.run("up").succeeded()
    assert in_container(engine, "cat", "/data/file") == "kept\n"


@pytest.mark.exhaustive
def test_a_container_removed_by_hand_comes_back_with_its_data(lab: Lab, engine: docker.APIClient) -> None:
    lab.run("up", program()).succeeded()
    in_container(engine, "sh", "-c", "echo kept > /data/file")
    engine.remove_container(NAME, force=True)
    assert lab.run("up", refresh=True).changes == {"create": 1}
    assert in_container(engine, "cat", "/data/file") == "kept\n"


@pytest.mark.exhaustive
def test_a_container_stopped_by_hand_is_started_again(lab: Lab, engine: docker.APIClient) -> None:
    lab.run("up", program()).succeeded()
    before = lab.container()["id"]
    engine.stop(NAME, timeout=0)
    lab.run("refresh").succeeded()
    assert lab.container()["outputs"]["mustRun"] is False
    up = lab.run("up")
    assert up.changes == {"update": 1}
    assert up.steps["Container"]["op"] == ["update"]
    assert set(up.steps["Container"]["diff"]) == {"mustRun"}
    assert engine.inspect_container(before)["State"]["Running"]


@pytest.mark.exhaustive
def test_a_container_replaced_by_hand_is_put_right(lab: Lab, engine: docker.APIClient) -> None:
    lab.run("up", program()).succeeded()
    before = lab.container()["id"]
    engine.remove_container(NAME, force=True)
    engine.start(engine.create_container(image(), ["sleep", "300"], name=NAME, environment={"BY": "hand"})["Id"])
    lab.run("up", refresh=True).succeeded()
    now = engine.inspect_container(NAME)
    assert now["Id"] == lab.container()["id"] != before
    assert now["Config"]["Cmd"] == ["sleep", "600"]
    assert list(now["NetworkSettings"]["Networks"]) == [NAME]


@pytest.mark.exhaustive
def test_limits_change_in_place_and_the_rest_where_the_program_asks_for_replacement(lab: Lab, engine: docker.APIClient) -> None:
    options = {"replace_on_changes": ["healthcheck"]}
    lab.run("up", program(healthcheck={"tests": ["CMD", "true"]}, options=options)).succeeded()
    before = lab.container()["id"]
    limits = {"memory": 48, "memory_swap": 96, "restart": "unless-stopped", "cpu_shares": 512}
    assert lab.run("up", program(healthcheck={"tests": ["CMD", "true"]}, options=options, **limits)).changes == {"update": 1}
    host = engine.inspect_container(before)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["CpuShares"]) == (48 << 20, 96 << 20, 512)
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    up = lab.run("up", program(healthcheck={"tests": ["CMD", "false"]}, options=options, **limits)).succeeded()
    assert up.steps["Container"]["op"] == ["delete-replaced", "replace", "create-replacement"]
    assert lab.container()["id"] != before
    assert engine.inspect_container(NAME)["Config"]["Healthcheck"]["Test"] == ["CMD", "false"]


@pytest.mark.exhaustive
def test_a_secret_stays_secret(lab: Lab, engine: docker.APIClient) -> None:
    secret = {"secret": f"PASSWORD={_SECRET}"}
    upload = {"file": "/etc/key", "content": {"secret": f"{_SECRET}\n"}, "permissions": "0400"}
    lines = [lab.run("up", program(envs=[secret, "OPEN=1"], uploads=[upload])).succeeded()]
    assert in_container(engine, "cat", "/etc/key") == f"{_SECRET}\n"
    lines.append(lab.run("up", refresh=True, diff=True))
    assert lines[-1].changes == {}
    assert all("ciphertext" in lab.container()["outputs"][name] for name in ("envs", "uploads"))
    lines.append(lab.run("preview", program(envs=[secret, "OPEN=2"], uploads=[upload]), diff=True).succeeded())
    assert _SECRET not in "".join(result.text for result in lines)
    written = [file for file in lab.folder.rglob("*") if file.is_file() and file.name != "program.json"]
    assert any(file.name == "dev.json" for file in written)
    assert not [file for file in written if _SECRET.encode() in file.read_bytes()]


@pytest.mark.exhaustive
def test_a_container_can_be_imported(lab: Lab, engine: docker.APIClient) -> None:
    host = engine.create_host_config(restart_policy={"Name": "always"}, mem_limit="64m")
    foreign = engine.create_container(image(), ["sleep", "600"], name=NAME, host_config=host)["Id"]
    engine.start(foreign)
    arguments = {"image": {"output": ["picture", "image_id"]}, "name": NAME, "command": ["sleep", "600"], "restart": "always", "memory": 64}
    container = {"kind": "Container", "arguments": arguments, "options": {"import_": foreign}}
    up = lab.run("up", {"picture": program()["picture"], "c": container})
    assert up.changes == {"create": 2, "import": 1}
    assert lab.container()["id"] == foreign


@pytest.mark.exhaustive
def test_a_typo_is_named_with_its_resource(lab: Lab) -> None:
    up = lab.run("up", program(healthcheck={"test": ["CMD", "true"]}))
    assert up.code == 1
    problem = "unknown property `healthcheck.test`; did you mean `tests`?"
    assert f"docker:index/container:Container resource 'c' has a problem: {problem}" in up.text


@pytest.mark.exhaustive
def test_a_provider_of_its_own_takes_its_host(lab: Lab, tmp_path: Path) -> None:
    provider = {"kind": "Provider", "arguments": {"host": f"unix://{tmp_path}/none.sock"}}
    volume = {"kind": "Volume", "arguments": {"name": NAME}, "options": {"provider": "elsewhere"}}
    up = lab.run("up", {"elsewhere": provider, "v": volume})
    assert up.code == 1
    assert "Docker is not installed or not running" in up.text
    assert f"{tmp_path}/none.sock" in up.text
