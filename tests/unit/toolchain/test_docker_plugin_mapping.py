"""Every property reaches Docker, and is read back from where it went."""

from __future__ import annotations

from typing import Any

import pytest

from airgap.toolchain.docker_plugin.properties import Change, canonical, same
from airgap.toolchain.docker_plugin.resources.container_body import create_body, needs
from airgap.toolchain.docker_plugin.resources.container_view import actual
from airgap.toolchain.docker_plugin.resources.marker import Mark, mark, mark_of
from airgap.toolchain.docker_plugin.tables.container import CONTAINER

_TABLE = {prop.name: prop for prop in CONTAINER}

# A value of each property, and where in the create request it must be found.
_MAPPED: dict[str, tuple[Any, str, Any]] = {
    "image": ("sha256:i", "Image", "sha256:i"),
    "command": (["sleep", "1"], "Cmd", ["sleep", "1"]),
    "entrypoints": (["/e"], "Entrypoint", ["/e"]),
    "envs": (["A=1"], "Env", ["A=1"]),
    "user": ("1:2", "User", "1:2"),
    "workingDir": ("/w", "WorkingDir", "/w"),
    "hostname": ("h", "Hostname", "h"),
    "domainname": ("d", "Domainname", "d"),
    "labels": ([{"label": "a", "value": "1"}], "Labels", {"a": "1"}),
    "stopSignal": ("SIGINT", "StopSignal", "SIGINT"),
    "stopTimeout": (7, "StopTimeout", 7),
    "tty": (True, "Tty", True),
    "stdinOpen": (True, "OpenStdin", True),
    "init": (True, "HostConfig.Init", True),
    "memory": (64, "HostConfig.Memory", 64 << 20),
    "memoryReservation": (32, "HostConfig.MemoryReservation", 32 << 20),
    "memorySwap": (-1, "HostConfig.MemorySwap", -1),
    "shmSize": (32, "HostConfig.ShmSize", 32 << 20),
    "cpuShares": (512, "HostConfig.CpuShares", 512),
    "cpuSet": ("0-1", "HostConfig.CpusetCpus", "0-1"),
    "cpus": ("1.5", "HostConfig.NanoCpus", 1_500_000_000),
    "cpuPeriod": (100000, "HostConfig.CpuPeriod", 100000),
    "cpuQuota": (50000, "HostConfig.CpuQuota", 50000),
    "ulimits": ([{"name": "nofile", "soft": 1, "hard": 2}], "HostConfig.Ulimits", [{"Name": "nofile", "Soft": 1, "Hard": 2}]),
    "storageOpts": ({"size": "1G"}, "HostConfig.StorageOpt", {"size": "1G"}),
    "sysctls": ({"net.core.somaxconn": "1"}, "HostConfig.Sysctls", {"net.core.somaxconn": "1"}),
    "capabilities": ({"adds": ["CHOWN"], "drops": ["ALL"]}, "HostConfig.CapDrop", ["ALL"]),
    "privileged": (True, "HostConfig.Privileged", True),
    "readOnly": (True, "HostConfig.ReadonlyRootfs", True),
    "securityOpts": (["no-new-privileges"], "HostConfig.SecurityOpt", ["no-new-privileges"]),
    "groupAdds": (["7"], "HostConfig.GroupAdd", ["7"]),
    "usernsMode": ("host", "HostConfig.UsernsMode", "host"),
    "pidMode": ("host", "HostConfig.PidMode", "host"),
    "ipcMode": ("shareable", "HostConfig.IpcMode", "shareable"),
    "cgroupnsMode": ("private", "HostConfig.CgroupnsMode", "private"),
    "cgroupParent": ("/p", "HostConfig.CgroupParent", "/p"),
    "runtime": ("runc", "HostConfig.Runtime", "runc"),
    "devices": (
        [{"hostPath": "/dev/null"}],
        "HostConfig.Devices",
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rwm"}],
    ),
    "deviceCgroupRules": (["c 1:3 r"], "HostConfig.DeviceCgroupRules", ["c 1:3 r"]),
    "deviceReadBps": ([{"path": "/dev/sda", "rate": 1}], "HostConfig.BlkioDeviceReadBps", [{"Path": "/dev/sda", "Rate": 1}]),
    "deviceReadIops": ([{"path": "/dev/sda", "rate": 1}], "HostConfig.BlkioDeviceReadIOps", [{"Path": "/dev/sda", "Rate": 1}]),
    "deviceWriteBps": ([{"path": "/dev/sda", "rate": 1}], "HostConfig.BlkioDeviceWriteBps", [{"Path": "/dev/sda", "Rate": 1}]),
    "deviceWriteIops": ([{"path": "/dev/sda", "rate": 1}], "HostConfig.BlkioDeviceWriteIOps", [{"Path": "/dev/sda", "Rate": 1}]),
    "deviceRequests": (
        [{"driver": "cdi", "deviceIds": ["vendor.com/gpu=all"]}],
        "HostConfig.DeviceRequests",
        [{"Driver": "cdi", "Count": 0, "DeviceIDs": ["vendor.com/gpu=all"], "Capabilities": [], "Options": {}}],
    ),
    "gpus": (
        "device=0,2",
        "HostConfig.DeviceRequests",
        [{"Driver": "", "Count": 0, "DeviceIDs": ["0", "2"], "Capabilities": [["gpu"]], "Options": {}}],
    ),
    "volumes": (
        [{"volumeName": "v", "containerPath": "/a", "readOnly": True}, {"hostPath": "/h", "containerPath": "/b", "selinuxRelabel": "z"}],
        "HostConfig.Binds",
        ["v:/a:ro", "/h:/b:rw,z"],
    ),
    "mounts": (
        [
            {"type": "tmpfs", "target": "/t", "tmpfsOptions": {"sizeBytes": 9, "mode": 511}},
            {"type": "bind", "target": "/b", "source": "/h", "bindOptions": {"propagation": "rprivate"}},
            {"type": "volume", "target": "/v", "source": "v", "readOnly": True, "volumeOptions": {"noCopy": True, "driverName": "local"}},
        ],
        "HostConfig.Mounts",
        [
            {"Target": "/t", "Source": "", "Type": "tmpfs", "ReadOnly": False, "TmpfsOptions": {"SizeBytes": 9, "Mode": 511}},
            {"Target": "/b", "Source": "/h", "Type": "bind", "ReadOnly": False, "BindOptions": {"Propagation": "rprivate"}},
            {
                "Target": "/v",
                "Source": "v",
                "Type": "volume",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True, "Labels": {}, "DriverConfig": {"Name": "local", "Options": {}}},
            },
        ],
    ),
    "tmpfs": ({"/run": "size=1m"}, "HostConfig.Tmpfs", {"/run": "size=1m"}),
    "ports": (
        [{"internal": 80, "external": 8080, "ip": "127.0.0.1"}, {"internal": 53, "external": 53, "protocol": "udp"}],
        "HostConfig.PortBindings",
        {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "53/udp": [{"HostIp": "", "HostPort": "53"}]},
    ),
    "publishAllPorts": (True, "HostConfig.PublishAllPorts", True),
    "networkMode": ("none", "HostConfig.NetworkMode", "none"),
    "dns": (["1.1.1.1"], "HostConfig.Dns", ["1.1.1.1"]),
    "dnsOpts": (["ndots:1"], "HostConfig.DnsOptions", ["ndots:1"]),
    "dnsSearches": (["x.y"], "HostConfig.DnsSearch", ["x.y"]),
    "hosts": ([{"host": "db", "ip": "10.0.0.1"}], "HostConfig.ExtraHosts", ["db:10.0.0.1"]),
    "restart": ("on-failure", "HostConfig.RestartPolicy.Name", "on-failure"),
    "maxRetryCount": (3, "HostConfig.RestartPolicy.MaximumRetryCount", 3),
    "healthcheck": (
        {"tests": ["CMD", "true"], "interval": "2s", "timeout": "1m", "startPeriod": "0s", "startInterval": "0s", "retries": 3},
        "Healthcheck",
        {"Test": ["CMD", "true"], "Interval": 2_000_000_000, "Timeout": 60_000_000_000, "StartPeriod": 0, "Retries": 3},
    ),
    "logDriver": ("local", "HostConfig.LogConfig.Type", "local"),
    "logOpts": ({"max-size": "1m"}, "HostConfig.LogConfig.Config", {"max-size": "1m"}),
    "rm": (True, "HostConfig.AutoRemove", True),
}
_ELSEWHERE = {"name", "platform", "networksAdvanced", "uploads"}
"""Given to Docker by other requests than the one that creates."""


def test_no_property_is_forgotten() -> None:
    recorded = {prop.name for prop in CONTAINER if prop.change is Change.RECORD}
    assert set(_MAPPED) | _ELSEWHERE | recorded == set(_TABLE)
    assert not set(_MAPPED) & (_ELSEWHERE | recorded)


@pytest.mark.parametrize("name", sorted(_MAPPED))
def test_a_property_goes_where_docker_has_it(name: str) -> None:
    value, place, there = _MAPPED[name]
    found: Any = create_body({"image": "sha256:i", name: value})
    for step in place.split("."):
        found = found[step]
    assert found == there


@pytest.mark.parametrize("name", sorted(_MAPPED))
def test_a_property_is_read_back_as_it_was_given(name: str) -> None:
    value = _MAPPED[name][0]
    wanted = {"image": "sha256:i", name: value}
    assert same(_TABLE[name], actual(_inspected(create_body(wanted)), None, wanted)[name], value)


def _inspected(body: dict[str, Any]) -> dict[str, Any]:
    """Return what the engine would tell of a container made from a request."""
    config = {key: item for key, item in body.items() if key != "HostConfig"}
    return {"Id": "c" * 64, "Name": "/c", "Image": body["Image"], "Config": config, "HostConfig": body["HostConfig"], "Platform": "linux"}


@pytest.mark.parametrize(
    ("image", "wanted", "shown"),
    [
        ({"RepoTags": ["debian:trixie-slim"]}, "debian:trixie-slim", "debian:trixie-slim"),
        ({"RepoTags": ["redis:latest"]}, "redis", "redis"),
        ({"RepoTags": []}, "redis", "sha256:i"),
        (None, "sha256:i", "sha256:i"),
    ],
)
def test_an_image_keeps_the_programs_name_for_it_as_long_as_that_is_true(image: Any, wanted: str, shown: str) -> None:
    assert actual(_inspected(create_body({"image": "sha256:i"})), image, {"image": wanted})["image"] == shown


def test_what_comes_from_the_image_is_not_the_programs() -> None:
    image = {"Config": {"Env": ["PATH=/bin", "A=0"], "Labels": {"from": "image", "a": "0"}, "Volumes": {"/anonymous": {}}}}
    body = create_body({"image": "sha256:i", "envs": ["A=1"], "labels": [{"label": "a", "value": "1"}]})
    container = _inspected({**body, "Env": ["A=1", "PATH=/bin"], "Labels": {"a": "1", "from": "image"}, "Volumes": {"/anonymous": {}}})
    found = actual(container, image, {"image": "sha256:i", "envs": ["A=1"], "labels": [{"label": "a", "value": "1"}]})
    assert (found["envs"], found["labels"], found["volumes"]) == (["A=1"], [{"label": "a", "value": "1"}], [])


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("healthcheck", {"tests": [], "startInterval": "0s"}, []),
        ("healthcheck", {"tests": [], "startInterval": "1s"}, [("healthcheck.startInterval", "1.44")]),
        ("networksAdvanced", [{"name": "a"}, {"name": "b", "gwPriority": 1}], [("networksAdvanced.gwPriority", "1.48")]),
        ("mounts", [{"target": "/a", "type": "volume", "volumeOptions": {"subpath": "b"}}], [("mounts.volumeOptions.subpath", "1.45")]),
        ("ports", [{"internal": 80}], []),
    ],
)
def test_what_needs_a_newer_engine_is_known(name: str, value: Any, needed: list[tuple[str, str]]) -> None:
    assert needs(_TABLE[name], value) == needed


def test_a_mark_tells_stacks_and_recipes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///one")
    own = mark("urn:pulumi:dev::p::t::c", {"Image": "i"})
    assert mark_of({"HostConfig": {"ContainerIDFile": str(own)}}) == own
    assert mark("urn:pulumi:dev::p::t::c", {"Image": "j"}).owner == own.owner
    assert mark("urn:pulumi:dev::p::t::c", {"Image": "j"}).recipe != own.recipe
    assert mark("urn:pulumi:prod::p::t::c", {"Image": "i"}).owner != own.owner
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///two")
    assert mark("urn:pulumi:dev::p::t::c", {"Image": "i"}) == Mark(mark("urn:pulumi:dev::p::t::c", {}).owner, own.recipe)
    assert mark("urn:pulumi:dev::p::t::c", {"Image": "i"}).owner != own.owner


@pytest.mark.parametrize("kept", ["", "/var/run/my.cid", "christmas-docker-plugin/half"])
def test_other_containers_carry_no_mark(kept: str) -> None:
    assert mark_of({"HostConfig": {"ContainerIDFile": kept}}) is None


def test_canonical_spellings_meet() -> None:
    assert (
        canonical(_TABLE["networkMode"], "default") == canonical(_TABLE["networkMode"], "bridge") == canonical(_TABLE["networkMode"], None)
    )
    assert canonical(_TABLE["cpuShares"], 0) == canonical(_TABLE["cpuShares"], 1024)
    assert canonical(_TABLE["devices"], [{"hostPath": "/dev/null"}]) == canonical(
        _TABLE["devices"], [{"hostPath": "/dev/null", "containerPath": "/dev/null", "permissions": "rwm"}]
    )
