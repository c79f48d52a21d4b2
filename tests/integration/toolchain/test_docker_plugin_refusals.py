"""Every failure a user can do something about: one message that says what failed, where, and what to do."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.toolchain.docker_lab import PREFIX, image, remove_leftovers
from tests.integration.toolchain.docker_rpc import HalfMadeError, Plugin, RefusedError
from tests.support.cases import in_make_test
from tests.support.waiting import PATIENCE

_NAME = f"{PREFIX}-refusal"
_SECRET = "4da6b1784b0d6a4e"
_WRAPPED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


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


def _refused(plugin: Plugin, kind: str, inputs: dict[str, Any], name: str = "r") -> str:
    with pytest.raises(RefusedError) as refused:
        plugin.create(kind, inputs, name)
    return str(refused.value)


def _exists(engine: docker.APIClient, name: str = _NAME) -> bool:
    try:
        engine.inspect_container(name)
    except docker.errors.NotFound:
        return False
    return True


def test_a_port_that_a_container_has_is_named_with_its_holder(plugin: Plugin, engine: docker.APIClient) -> None:
    holder = plugin.create("Container", _container(name=f"{_NAME}-holder", ports=[{"internal": 80, "ip": "127.0.0.1"}]), "holder")
    port = holder.outputs["ports"][0]["external"]
    message = _refused(plugin, "Container", _container(ports=[{"internal": 80, "external": port, "ip": "127.0.0.1"}]))
    assert f"`{_NAME}` cannot publish 127.0.0.1:{port}: the port is taken, container `{_NAME}-holder` has it" in message
    assert f"docker stop {_NAME}-holder" in message
    assert not _exists(engine), "a container that never ran is not left behind"


def test_a_port_that_a_process_has_is_named(plugin: Plugin, engine: docker.APIClient) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        message = _refused(plugin, "Container", _container(ports=[{"internal": 80, "external": port, "ip": "127.0.0.1"}]))
    assert f"cannot publish 127.0.0.1:{port}: the port is taken, a process on this machine has it" in message
    assert not _exists(engine)


def test_a_foreign_containers_name_is_refused_and_it_stays(plugin: Plugin, engine: docker.APIClient) -> None:
    foreign = engine.create_container(image(), ["sleep", "600"], name=_NAME)["Id"]
    message = _refused(plugin, "Container", _container())
    assert f"a container named `{_NAME}` exists already, and this stack did not make it" in message
    assert f"docker rm -f {_NAME}" in message
    assert engine.inspect_container(_NAME)["Id"] == foreign


@pytest.mark.exhaustive
def test_another_stacks_container_is_foreign_also_to_refresh(plugin: Plugin, engine: docker.APIClient) -> None:
    created = plugin.create("Container", _container())
    engine.remove_container(created.id, force=True)
    with Plugin(environment={"PULUMI_BACKEND_URL": "file:///another-checkout"}) as other:
        theirs = other.create("Container", _container())
    assert plugin.read(created) is None
    assert "this stack did not make it" in _refused(plugin, "Container", _container())
    assert engine.inspect_container(_NAME)["Id"] == theirs.id


def test_a_foreign_network_is_refused_and_stays(plugin: Plugin, engine: docker.APIClient) -> None:
    foreign = engine.create_network(_NAME, labels={"someone": "else"})["Id"]
    message = _refused(plugin, "Network", {"name": _NAME, "labels": [{"label": "a", "value": "1"}]})
    assert f"a network named `{_NAME}` exists already, and is not this stack's: it differs in `labels`" in message
    assert engine.inspect_network(_NAME)["Id"] == foreign


def test_a_network_without_labels_could_be_anyones(plugin: Plugin, engine: docker.APIClient) -> None:
    engine.create_network(_NAME)
    assert "no label says that it belongs to this stack" in _refused(plugin, "Network", {"name": _NAME})


@pytest.mark.exhaustive
def test_a_taken_subnet_is_told(plugin: Plugin) -> None:
    pool = [{"subnet": "172.30.99.0/24"}]
    plugin.create("Network", {"name": _NAME, "ipamConfigs": pool})
    assert f"network `{_NAME}-2` could not be created: " in _refused(plugin, "Network", {"name": f"{_NAME}-2", "ipamConfigs": pool}, "n2")


@pytest.mark.exhaustive
def test_a_network_with_others_on_it_is_not_removed(plugin: Plugin, engine: docker.APIClient) -> None:
    network = plugin.create("Network", {"name": _NAME, "labels": [{"label": "a", "value": "1"}]})
    engine.start(engine.create_container(image(), ["sleep", "600"], name=f"{_NAME}-guest")["Id"])
    engine.connect_container_to_network(f"{_NAME}-guest", _NAME)
    with pytest.raises(RefusedError) as refused:
        plugin.delete(network)
    assert f"network `{_NAME}` still has containers on it, so it was not removed: `{_NAME}-guest`" in str(refused.value)


def test_a_volume_in_use_is_not_removed(plugin: Plugin, engine: docker.APIClient) -> None:
    volume = plugin.create("Volume", {"name": _NAME})
    host = engine.create_host_config(binds=[f"{_NAME}:/data"])
    engine.create_container(image(), ["sleep", "600"], name=f"{_NAME}-user", host_config=host)
    with pytest.raises(RefusedError) as refused:
        plugin.delete(volume)
    assert f"volume `{_NAME}` is still used by `{_NAME}-user`, so it was not removed" in str(refused.value)
    assert engine.inspect_volume(_NAME)


def test_a_volume_of_another_kind_is_refused(plugin: Plugin, engine: docker.APIClient) -> None:
    engine.create_volume(_NAME, driver_opts={"type": "tmpfs", "device": "tmpfs"})
    assert f"a volume named `{_NAME}` exists already, but of another kind" in _refused(plugin, "Volume", {"name": _NAME})


def test_an_image_of_this_project_is_named_with_what_builds_it(plugin: Plugin) -> None:
    message = _refused(plugin, "RemoteImage", {"name": "christmas/nothing:0"})
    build = "build it with: invoke images; invoke up builds what its stack asks for"
    assert message == f"image `christmas/nothing:0` is not here, and no registry has it\n  next:  {build}"


def test_an_image_that_cannot_be_pulled_is_named(plugin: Plugin) -> None:
    message = _refused(plugin, "RemoteImage", {"name": "localhost:1/nothing:0"})
    assert message.startswith("image `localhost:1/nothing:0` is not here, and could not be pulled: ")


@pytest.mark.exhaustive
def test_a_containers_image_that_was_removed_is_told(plugin: Plugin) -> None:
    message = _refused(plugin, "Container", _container(image="sha256:" + "0" * 64))
    assert "is no longer here" in message
    assert "pulumi up --refresh" in message


@pytest.mark.exhaustive
def test_files_are_not_uploaded_below_a_read_only_root(plugin: Plugin, engine: docker.APIClient) -> None:
    message = _refused(plugin, "Container", _container(readOnly=True, uploads=[{"file": "/etc/x", "content": "y"}]))
    assert (
        f"container `{_NAME}` was not created: `/etc/x` cannot be uploaded, because `readOnly` makes the root file system read-only"
        in message
    )
    assert not _exists(engine)


def test_an_upload_whose_source_is_missing_names_it(plugin: Plugin, engine: docker.APIClient, tmp_path: Path) -> None:
    message = _refused(plugin, "Container", _container(uploads=[{"file": "/etc/x", "source": str(tmp_path / "gone")}]))
    assert "the file to put at `/etc/x` cannot be read: No such file or directory" in message
    assert str(tmp_path / "gone") in message
    assert not _exists(engine)


def test_a_network_that_does_not_exist_is_named(plugin: Plugin, engine: docker.APIClient) -> None:
    message = _refused(plugin, "Container", _container(networksAdvanced=[{"name": f"{_NAME}-none"}]))
    assert f"{_NAME}-none" in message
    assert not _exists(engine)


def test_what_needs_a_newer_engine_is_named(plugin: Plugin) -> None:
    message = _refused(
        plugin, "Container", _container(networksAdvanced=[{"name": "bridge", "gwPriority": 100000}], healthcheck={"tests": ["NONE"]})
    )
    assert "`networksAdvanced.gwPriority` needs Docker API 1.48, and this engine offers" in message


@pytest.mark.parametrize("name", in_make_test(["healthcheck", "mounts", "tmpfs", "init"], 1))
def test_what_docker_cannot_change_in_place_is_not_claimed_to_be_changed(plugin: Plugin, name: str) -> None:
    changes: dict[str, Any] = {
        "healthcheck": {"tests": ["CMD", "true"]},
        "mounts": [{"target": "/mnt", "type": "tmpfs"}],
        "tmpfs": {"/run": ""},
        "init": False,
    }
    created = plugin.create("Container", _container())
    with pytest.raises(RefusedError) as refused:
        plugin.update(created, _container(**{name: changes[name]}))
    assert f"Docker cannot change `{name}` of a container that exists" in str(refused.value)
    assert f"replace_on_changes=['{name}']" in str(refused.value)


@pytest.mark.exhaustive
def test_a_limit_cannot_be_taken_off_in_place(plugin: Plugin) -> None:
    created = plugin.create("Container", _container(memory=64))
    with pytest.raises(RefusedError) as refused:
        plugin.update(created, _container())
    assert "Docker cannot take `memory` off a container that exists" in str(refused.value)


def test_updating_a_container_that_is_gone_says_how_to_get_it_back(plugin: Plugin, engine: docker.APIClient) -> None:
    created = plugin.create("Container", _container(memory=64))
    engine.remove_container(created.id, force=True)
    with pytest.raises(RefusedError) as refused:
        plugin.update(created, _container(memory=65))
    assert "pulumi up --refresh" in str(refused.value)


@pytest.mark.exhaustive
def test_a_container_that_never_gets_healthy_shows_why_and_stays(plugin: Plugin, engine: docker.APIClient) -> None:
    check = {"tests": ["CMD-SHELL", "echo not today; exit 3"], "interval": "0.3s", "retries": 2}
    script = f"echo the password is {_SECRET}; i=0; while test $i -lt 30; do i=$((i+1)); echo line $i; done; sleep 600"
    inputs = _container(command=["sh", "-c", script], healthcheck=check, wait=True, waitTimeout=3)
    inputs["envs"] = [{**_WRAPPED, "value": f"PASSWORD={_SECRET}"}]
    with pytest.raises(HalfMadeError) as failed:
        plugin.create("Container", inputs)
    message = str(failed.value)
    assert f"container `{_NAME}` is unhealthy" in message
    assert "its health check last ended with 3: not today" in message
    assert "line 30" in message
    assert "line 11" in message
    assert "line 10" not in message
    assert failed.value.reasons == [message]
    assert engine.inspect_container(_NAME)["Id"] == failed.value.id
    assert failed.value.outputs["name"] == _NAME


def test_a_secret_in_a_containers_log_is_not_told(plugin: Plugin) -> None:
    inputs = _container(command=["sh", "-c", f"echo the password is {_SECRET}; exit 7"], healthcheck={"tests": ["CMD", "true"]}, wait=True)
    inputs["envs"] = [{**_WRAPPED, "value": f"PASSWORD={_SECRET}"}]
    with pytest.raises(HalfMadeError) as failed:
        plugin.create("Container", inputs)
    assert "stopped with exit code 7 before it was healthy" in str(failed.value)
    assert "the password is [secret]" in str(failed.value)
    assert _SECRET not in str(failed.value)


@pytest.mark.exhaustive
def test_waiting_ends_in_time(plugin: Plugin) -> None:
    check = {"tests": ["CMD", "false"], "interval": "1m"}
    with pytest.raises(HalfMadeError, match=r"was not healthy within \d+ s"):
        plugin.create("Container", _container(healthcheck=check, wait=True, waitTimeout=1))


def test_waiting_for_a_container_without_health_check_is_refused(plugin: Plugin) -> None:
    with pytest.raises(HalfMadeError, match="neither it nor its image has a health check"):
        plugin.create("Container", _container(wait=True))


@pytest.mark.exhaustive
def test_a_container_that_must_run_but_ends_is_told(plugin: Plugin) -> None:
    with pytest.raises(HalfMadeError) as failed:
        plugin.create("Container", _container(command=["sh", "-c", "echo goodbye; exit 4"]))
    assert "stopped right after its start, with exit code 4" in str(failed.value)
    assert "goodbye" in str(failed.value)


def test_a_type_that_only_the_official_plugin_has_is_named(plugin: Plugin) -> None:
    from pulumi.runtime.proto import provider_pb2

    request = provider_pb2.CheckRequest(urn="urn:pulumi:dev::rpc::docker:index/secret:Secret::s")
    with pytest.raises(
        RefusedError, match="`docker:index/secret:Secret` is a type of the official Docker plugin that this one does not have"
    ):
        plugin._ask(plugin.stub.Check, request)


def test_docker_absent_is_told(tmp_path: Path) -> None:
    with Plugin(config={"host": f"unix://{tmp_path}/docker.sock"}) as plugin:
        message = _refused(plugin, "Volume", {"name": _NAME})
    assert message.startswith("Docker is not installed or not running: its socket does not exist\n")
    assert f"where: unix://{tmp_path}/docker.sock" in message


def test_docker_stopped_is_told(tmp_path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind(str(tmp_path / "docker.sock"))
        with Plugin(environment={"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}) as plugin:
            message = _refused(plugin, "Volume", {"name": _NAME})
    assert message.startswith("Docker is not running: no answer at its socket\n")
    assert "service docker start" in message


def test_a_closed_socket_is_told(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as closed:
        closed.bind(str(path))
        closed.listen()
        path.chmod(0)
        # Permissions bind root only once it has given up the capability to pass over them.
        launcher = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
        with Plugin(config={"host": f"unix://{path}"}, launcher=launcher) as plugin:
            message = _refused(plugin, "Volume", {"name": _NAME})
    assert message.startswith("no permission to talk to Docker\n")
    assert "usermod -aG docker" in message


class _OldEngine(http.server.BaseHTTPRequestHandler):
    """Says of itself what Docker 18.09 does; that engine can't be run here."""

    def do_GET(self) -> None:
        body = json.dumps({"Version": "18.09.9", "ApiVersion": "1.39", "MinAPIVersion": "1.12"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size


def test_docker_too_old_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socketserver.ThreadingUnixStreamServer(path, _OldEngine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Plugin(config={"host": f"unix://{path}"}) as plugin:
            message = _refused(plugin, "Volume", {"name": _NAME})
        server.shutdown()
    assert message.startswith("the Docker engine is too old: it offers API 1.39, and at least 1.41 (engine 20.10) is needed\n")


def test_a_signal_ends_the_plugin_quietly() -> None:
    for number in ("TERM", "INT"):
        command = [sys.executable, "-P", "-m", "airgap.toolchain.docker_plugin"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        subprocess.run(["kill", f"-{number}", str(process.pid)], check=True)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output, errors) == (0, "", "")
