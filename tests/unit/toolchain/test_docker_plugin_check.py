"""What check adds to inputs, and what it finds wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from airgap.toolchain.docker_plugin.checking import check
from airgap.toolchain.docker_plugin.resources import RESOURCES
from airgap.toolchain.docker_plugin.settings import check_settings
from airgap.toolchain.docker_plugin.tables.container import CONTAINER
from airgap.toolchain.docker_plugin.tables.image import IMAGE
from airgap.toolchain.docker_plugin.tables.network import NETWORK
from airgap.toolchain.docker_plugin.tables.volume import VOLUME
from airgap.toolchain.plugin.wire import UNKNOWN, Secret, reveal

_CONTAINER = {"name": "c", "image": "i"}


def _reasons(properties: Any, inputs: dict[str, Any]) -> list[str]:
    return [failure.reason for failure in check(properties, inputs)[1]]


def test_a_bare_container_gets_the_official_plugins_defaults() -> None:
    inputs, failures = check(CONTAINER, {**_CONTAINER, "ports": [{"internal": 80}], "healthcheck": {"tests": ["CMD", "true"]}})
    assert not failures
    assert inputs["__defaults"] == [
        "containerReadRefreshTimeoutMilliseconds",
        "mustRun",
        "networkMode",
        "removeVolumes",
        "restart",
        "start",
        "waitTimeout",
    ]
    assert {name: inputs[name] for name in inputs["__defaults"]} == {
        "containerReadRefreshTimeoutMilliseconds": 15000,
        "mustRun": True,
        "networkMode": "bridge",
        "removeVolumes": True,
        "restart": "no",
        "start": True,
        "waitTimeout": 60,
    }
    assert inputs["ports"] == [{"internal": 80, "ip": "0.0.0.0", "protocol": "tcp", "__defaults": ["ip", "protocol"]}]
    assert inputs["healthcheck"]["__defaults"] == ["interval", "startInterval", "startPeriod", "timeout"]


def test_a_bare_network_gets_its_ipam_driver() -> None:
    assert check(NETWORK, {"name": "n"})[0] == {"name": "n", "ipamDriver": "default", "__defaults": ["ipamDriver"]}


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"comand": ["a"]}, "unknown property `comand`; did you mean `command`?"),
        ({"shm_size": 64}, "unknown property `shm_size`; did you mean `shmSize`?"),
        ({"healthcheck": {"test": ["CMD", "true"]}}, "unknown property `healthcheck.test`; did you mean `tests`?"),
        ({"ports": [{"internal": 1}, {"internal": 1, "extrenal": 2}]}, "unknown property `ports[1].extrenal`; did you mean `external`?"),
        ({"mounts": [{"target": "/a", "type": "tmpfs", "tmpfsOptions": {"size": 1}}]}, "unknown property `mounts[0].tmpfsOptions.size`"),
        ({"ports": [{"external": 80}]}, "`ports[0].internal` is missing"),
        ({"memory": "much"}, "`memory` must be a whole number, but is a text"),
        ({"memory": 1.5}, "`memory` must be a whole number, but is a fraction"),
        ({"readOnly": "maybe"}, "`readOnly` must be true or false, but is a text"),
        ({"command": "sleep 1"}, "`command` must be a list of texts, but is a text"),
        ({"ports": {"internal": 1}}, "`ports` must be a list of objects, but is an object"),
        ({"ports": [80]}, "`ports[0]` must be an object, but is a number"),
        ({"restart": "sometimes"}, "`restart` is 'sometimes', but must be one of `no`, `on-failure`, `always`, `unless-stopped`"),
        ({"ports": [{"internal": 70000}]}, "`ports[0].internal` is 70000, but a port is a number from 0 to 65535"),
        ({"healthcheck": {"tests": ["CMD"], "interval": "2"}}, "`healthcheck.interval` is '2', but a duration is written like"),
        ({"memory": -5}, "`memory` is -5, but must be at least 0"),
        ({"cpus": "all"}, "`cpus` is 'all', but must be a number of CPUs such as `1.5`"),
        (
            {"uploads": [{"file": "/a", "content": "b", "permissions": "644"}]},
            "`uploads[0].permissions` is '644', but must be four octal digits",
        ),
        ({"uploads": [{"file": "/a", "contentBase64": "%"}]}, "`uploads[0].contentBase64` is not valid base64"),
        ({"envs": ["TOKEN"]}, "`envs` has an entry that is not written as NAME=VALUE: 'TOKEN'"),
        ({"volumes": [{"containerPath": "data"}]}, "`volumes[0].containerPath` is 'data', but must be an absolute path"),
        ({"command": ["sleep", ""]}, "`command` has an empty word in it"),
        ({"networksAdvanced": [{"aliases": ["a"]}]}, "`networksAdvanced[0].name` is missing"),
    ],
)
def test_what_is_wrong_with_a_container_is_named(inputs: dict[str, Any], reason: str) -> None:
    reasons = _reasons(CONTAINER, {**_CONTAINER, **inputs})
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"attach": True}, "`attach` waits for the container's end, so `mustRun` must be false"),
        ({"logs": True}, "`logs` needs `attach`"),
        ({"rm": True, "restart": "always"}, "`rm` removes the container when it exits"),
        ({"maxRetryCount": 3}, "`maxRetryCount` only counts with `restart` 'on-failure'"),
        ({"memory": 64, "memorySwap": 32}, "`memorySwap` is memory and swap together"),
        ({"memorySwap": 64}, "`memorySwap` needs `memory` as well"),
        ({"cpus": "1", "cpuQuota": 50000}, "`cpus` already says"),
        ({"healthcheck": {"interval": "1s"}}, "`healthcheck.tests` is missing"),
        ({"uploads": [{"file": "/a"}]}, "`uploads[0]` gives nothing to put into `/a`"),
        ({"uploads": [{"file": "/a", "content": "b", "source": "c"}]}, "`uploads[0]` gives `content` and `source`; only one"),
        ({"volumes": [{"volumeName": "v"}]}, "`volumes[0].containerPath` is missing"),
        ({"volumes": [{"fromContainer": "x", "containerPath": "/a"}]}, "`volumes[0]` shares another container's volumes"),
    ],
)
def test_what_does_not_go_together_is_named(inputs: dict[str, Any], reason: str) -> None:
    resource = RESOURCES["docker:index/container:Container"]
    checked, failures = check(resource.properties, {**_CONTAINER, **inputs})
    assert not failures
    (failure,) = resource.check(reveal(checked))
    assert failure.reason.startswith(reason)


@pytest.mark.parametrize(
    ("properties", "name", "value"),
    [(VOLUME, "cluster", {"scope": "single"}), (IMAGE, "build", {"context": "."})],
    ids=["cluster", "build"],
)
def test_what_only_the_official_plugin_can_do_is_said_so(properties: Any, name: str, value: Any) -> None:
    (reason,) = _reasons(properties, {"name": "n", name: value})
    assert reason.startswith(f"`{name}` is not supported here: ")


def test_secrets_stay_wrapped_and_are_never_told() -> None:
    inputs, failures = check(CONTAINER, {**_CONTAINER, "envs": [Secret("A=b")], "user": Secret("u")})
    assert not failures
    assert inputs["envs"] == [Secret("A=b")]
    assert inputs["user"] == Secret("u")
    (reason,) = _reasons(CONTAINER, {**_CONTAINER, "envs": [Secret("=hunter2")]})
    assert "hunter2" not in reason


def test_unknown_values_pass() -> None:
    resource = RESOURCES["docker:index/container:Container"]
    given = {"name": UNKNOWN, "image": UNKNOWN, "envs": [UNKNOWN], "ports": UNKNOWN, "labels": [{"label": "a", "value": UNKNOWN}]}
    inputs, failures = check(resource.properties, {**given, "uploads": [{"file": "/a", "content": UNKNOWN}]})
    assert not failures
    assert not resource.check(reveal(inputs))
    assert inputs["image"] is UNKNOWN


def test_texts_for_numbers_and_switches_are_read_as_such() -> None:
    inputs, failures = check(CONTAINER, {**_CONTAINER, "memory": "64", "readOnly": "true", "cpus": 2, "logOpts": {"max-file": 3}})
    assert not failures
    assert (inputs["memory"], inputs["readOnly"], inputs["cpus"], inputs["logOpts"]) == (64, True, "2", {"max-file": "3"})


@pytest.mark.parametrize(
    ("config", "reasons"),
    [
        ({"host": "unix:///x", "version": "5.2.0"}, []),
        ({"hots": "unix:///x"}, ["unknown property `hots`; did you mean `host`?"]),
        ({"registryAuth": '[{"address": "registry.example", "username": "u"}]'}, []),
        (
            {"registryAuth": '[{"adress": "registry.example"}]'},
            ["unknown property `registryAuth[0].adress`", "`registryAuth[0].address` is missing"],
        ),
        ({"caMaterial": "pem"}, ["`caMaterial` is not supported here"]),
    ],
)
def test_provider_configuration_is_checked(config: dict[str, Any], reasons: list[str]) -> None:
    found = [failure.reason for failure in check_settings(config)[1]]
    assert len(found) == len(reasons)
    assert all(actual.startswith(expected) for actual, expected in zip(found, reasons, strict=True))
