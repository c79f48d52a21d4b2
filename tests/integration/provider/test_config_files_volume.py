"""Files in a real volume: owner, modes, stale files, drift, reload of a real container, and what is left behind."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from core.errors import PlatformError
from infra.provider.kind import PartialFailureError
from infra.provider.volumes import open_volume
from tests.integration.provider.kept import Kept
from tests.support import scratch
from tests.support.waiting import wait_for

FILES = {"redis.conf": "port 0\n", "secrets/admin.password": "hunter2-hunter2", "한글.txt": "메리 크리스마스"}


@pytest.fixture
def volume() -> Iterator[str]:
    scratch.remove_leftovers()
    created = docker.from_env().volumes.create(f"christmas-tests-files-{uuid.uuid4().hex[:8]}", labels=scratch.labels())
    yield str(created.name)
    created.remove(force=True)


@pytest.fixture
def files(volume: str) -> Kept:
    return Kept("ConfigFiles", {"volume": volume, "image": scratch.image("redis"), "uid": 999, "gid": 999, "files": dict(FILES)})


def look(volume: str, script: str, user: str = "999:999") -> str:
    """What a shell sees in the volume, as the service's user."""
    # The command line attaches before it starts; the SDK's `run` reads the log afterwards and may come too early.
    command = ["docker", "run", "--rm", "--network", "none", "--user", user, "--workdir", "/run/christmas", "--entrypoint", "/bin/sh"]
    command += [option for name, value in scratch.labels().items() for option in ("--label", f"{name}={value}")]
    command += ["--volume", f"{volume}:/run/christmas", scratch.image("redis"), "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def helpers(volume: str) -> list[Container]:
    wanted: dict[str, Any] = {"label": f"com.christmas.volume={volume}"}
    return list(docker.from_env().containers.list(all=True, ignore_removed=True, filters=wanted))


@pytest.mark.exhaustive
def test_the_files_are_the_services_alone(files: Kept, volume: str) -> None:
    files.up()
    assert look(volume, "stat -c '%u:%g %a %n' . secrets redis.conf secrets/admin.password").splitlines() == [
        "999:999 700 .", "999:999 700 secrets", "999:999 400 redis.conf", "999:999 400 secrets/admin.password",
    ]  # fmt: skip
    assert look(volume, "cat secrets/admin.password 한글.txt") == "hunter2-hunter2메리 크리스마스"
    assert files.refresh() == []
    assert helpers(volume) == []
    assert look(volume, "ls redis.conf || echo refused", user="12345:12345").endswith("refused")


def test_what_is_altered_by_hand_is_found_and_put_right(files: Kept, volume: str) -> None:
    before = files.up()
    look(
        volume,
        "echo x > stray; rm -rf secrets; echo 'port 6379' > r; chmod 600 redis.conf; cp r redis.conf; rm r; chmod 644 한글.txt",
        user="0:0",
    )
    assert files.refresh() == [
        "redis.conf has other content", "secrets is missing", "secrets/admin.password is missing", "stray is not declared",
        "한글.txt is 999:999 0644, not 999:999 0400",
    ]  # fmt: skip
    assert files.pending() == {"drift"}
    after = files.up()
    assert files.refresh() == []
    assert look(volume, "ls") == "redis.conf\nsecrets\n한글.txt"
    assert after["fingerprint"] == before["fingerprint"]
    assert after["written_at"] > before["written_at"]


def test_what_a_killed_run_wrote_is_loaded_by_the_next_one(files: Kept, volume: str) -> None:
    before = files.up()
    known = files.state, files.recorded
    files.inputs = {**files.inputs, "files": {**files.inputs["files"], "redis.conf": "port 6381\n"}}
    files.up()
    # The engine never heard of it.
    files.state, files.recorded = known
    after = files.up()
    assert after["written_at"] > before["written_at"]
    assert look(volume, "cat redis.conf") == "port 6381"


@pytest.mark.exhaustive
def test_a_file_that_is_read_at_each_use_is_nothing_to_load(files: Kept, volume: str) -> None:
    files.inputs = {**files.inputs, "read_anew": ["redis.conf"]}
    before = files.up()
    files.inputs = {**files.inputs, "files": {**files.inputs["files"], "redis.conf": "port 6382\n"}}
    assert files.up()["written_at"] == before["written_at"]
    assert look(volume, "cat redis.conf") == "port 6382"
    files.inputs = {**files.inputs, "files": {**files.inputs["files"], "redis.conf": "port 6383\n", "한글.txt": "changed"}}
    assert files.up()["written_at"] > before["written_at"]


def test_a_changed_file_is_written_and_one_no_longer_declared_removed(files: Kept, volume: str) -> None:
    before = files.up()
    files.inputs = {**files.inputs, "files": {"redis.conf": "port 6380\n", "secrets": "now a file"}}
    assert files.pending() == {"files"}
    after = files.up()
    assert look(volume, "cat redis.conf secrets; ls") == "port 6380\nnow a fileredis.conf\nsecrets"
    assert before["fingerprint"] != after["fingerprint"]
    assert files.refresh() == []


def test_nothing_is_written_where_nothing_differs(files: Kept) -> None:
    before = files.up()
    files.inputs = {**files.inputs, "image": scratch.image("timescaledb")}
    assert files.pending() == {"image"}
    assert files.up() == before


def test_a_volume_that_is_gone_is_gone_and_none_is_made_behind_the_back(files: Kept, volume: str) -> None:
    files.up()
    docker.from_env().volumes.get(volume).remove()
    assert files.refresh() is None
    with pytest.raises(PlatformError, match=f"volume {volume} does not exist"):
        files.up()
    assert volume not in [each.name for each in docker.from_env().volumes.list()]
    docker.from_env().volumes.create(volume, labels=scratch.labels())


def test_a_missing_image_is_named_and_no_reason_to_fail_a_refresh(files: Kept) -> None:
    files.up()
    files.recorded = {**files.recorded, "image": "christmas/not-there:1"}
    assert files.refresh() == []
    assert "christmas/not-there:1 does not exist here" in files.logged[-1]
    files.inputs = {**files.inputs, "image": "christmas/not-there:1", "mode": 0o440}
    with pytest.raises(PartialFailureError, match="christmas/not-there:1 does not exist here"):
        files.up()


def test_helpers_of_killed_runs_are_cleared_away(files: Kept, volume: str) -> None:
    files.up()
    with open_volume(volume, scratch.image("redis"), "scratch"):
        assert len(helpers(volume)) == 1
        files.refresh()  # removes the one of the run that seems killed
        assert len(helpers(volume)) == 0


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../b", "", "a//b", "./a"])
def test_paths_that_lead_elsewhere_are_refused(files: Kept, path: str) -> None:
    _, problems = files.kind.check({**files.inputs, "files": {path: "x"}})
    assert len(problems) == 1
    assert "not a plain relative path" in problems[0]


@pytest.fixture
def service(volume: str) -> Iterator[Container]:
    """Sleeps, counts the hangups that it gets, and reads its file at the start. A signal makes it die, for Docker to start it again."""
    script = (
        "trap 'echo again: $(cat /run/christmas/redis.conf)' HUP; trap 'exit 3' USR1; "
        "echo start: $(cat /run/christmas/redis.conf); while :; do sleep 0.1; done"
    )
    policy: Any = {"Name": "unless-stopped"}  # the types lack it
    container = docker.from_env().containers.run(
        scratch.image("redis"), ["-c", script], entrypoint=["/bin/sh"], user="999:999", detach=True, network_mode="none",
        name=f"christmas-tests-service-{uuid.uuid4().hex[:8]}", volumes={volume: {"bind": "/run/christmas", "mode": "ro"}},
        labels=scratch.labels(), stop_signal="SIGKILL", restart_policy=policy,
        healthcheck={"test": ["NONE"]},
    )  # fmt: skip
    yield container
    container.remove(force=True)


def said(service: Container, wanted: str, times: int = 1) -> list[str]:
    """What the service said, once it has said the wanted line so often."""

    def lines() -> list[str]:
        every = service.logs().decode().splitlines()
        return every if every.count(wanted) >= times else []

    return wait_for(lines, f"the service says {wanted!r}")


def test_a_running_service_takes_changed_files_up_once(files: Kept, service: Container) -> None:
    written = files.up()["written_at"]
    service.restart()
    said(service, "start: port 0")  # and so it has set its trap
    name, server = str(service.name), str(service.id)
    reload = Kept("Reload", {"container": name, "server": server, "written_at": written, "action": {"signal": "SIGHUP"}})
    reload.up()
    assert "again: port 0" not in service.logs().decode()  # it was started after the files were written
    files.inputs = {**files.inputs, "files": {"redis.conf": "port 1\n"}}
    reload.inputs = {**reload.inputs, "written_at": files.up()["written_at"]}
    assert reload.pending() == {"written_at"}
    reload.up()
    assert said(service, "again: port 1").count("again: port 1") == 1
    assert reload.pending() == set()
    # Docker doesn't start a container again that it sent a signal.
    service.exec_run(["sh", "-c", "kill -s USR1 1"])
    said(service, "start: port 1")


@pytest.mark.exhaustive
def test_a_reload_that_fails_is_tried_again_and_a_restart_reads_everything_anew(files: Kept, service: Container) -> None:
    reload = Kept(
        "Reload",
        {"container": str(service.name), "server": str(service.id), "written_at": "2026-01-01T00:00:00+00:00", "action": {"restart": True}},
    )
    reload.up()
    files.up()
    files.inputs = {**files.inputs, "files": {"redis.conf": "port 2\n"}}
    reload.inputs = {
        **reload.inputs,
        "written_at": files.up()["written_at"],
        "action": {"exec": ["sh", "-c", "echo no such setting >&2; exit 3"]},
    }
    with pytest.raises(PlatformError, match="exit code 3: no such setting"):
        reload.up()
    assert "written_at" in reload.pending()
    reload.inputs = {**reload.inputs, "action": {"restart": True}}
    reload.up()
    assert "start: port 2" in said(service, "start: port 2")


def test_an_action_that_is_none_is_refused(service: Container) -> None:
    for action in ({}, {"signal": "SIGHUP", "restart": True}, {"reboot": True}):
        reload = Kept("Reload", {"container": str(service.name), "server": "x", "written_at": "x", "action": action})
        assert len(reload.kind.check(reload.inputs)[1]) == 1


@pytest.mark.exhaustive
def test_a_volume_is_handed_to_its_service_and_its_content_left_alone(volume: str) -> None:
    look(volume, "echo data > kept", user="0:0")
    owner = Kept("VolumeOwner", {"volume": volume, "image": scratch.image("redis"), "uid": 999, "gid": 999})
    owner.up()
    assert look(volume, "stat -c %u:%g . ; cat kept").splitlines() == ["999:999", "data"]


@pytest.mark.exhaustive
def test_files_of_one_volume_are_read_at_once_without_taking_each_others_helper(files: Kept, volume: str) -> None:
    files.up()

    def names(_: int) -> set[str]:
        with open_volume(volume, scratch.image("redis"), "") as opened:
            return set(opened.read())

    with ThreadPoolExecutor(max_workers=6) as pool:
        found = list(pool.map(names, range(12)))
    assert len(found) == 12
    assert set.intersection(*found) == set.union(*found) >= set(FILES)
    assert helpers(volume) == []
