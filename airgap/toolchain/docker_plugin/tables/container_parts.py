"""The objects inside a container's properties: ports, mounts, networks, health check and others."""

from __future__ import annotations

import json
from typing import Any

from airgap.toolchain.docker_plugin import codecs
from airgap.toolchain.docker_plugin.properties import ABSENT, Codec, Property, ValueKind
from airgap.toolchain.docker_plugin.tables import checks
from airgap.toolchain.docker_plugin.tables.labels import LABEL_FIELDS


def _capabilities(names: list[str]) -> list[str]:
    return [codecs.capability(name) for name in names]


CAPABILITIES = (
    Property("adds", ValueKind.TEXT_SET, created=[], refreshed=[], canonical=_capabilities),
    Property("drops", ValueKind.TEXT_SET, created=[], refreshed=[], canonical=_capabilities),
)

PORT_FIELDS = (
    Property("internal", ValueKind.NUMBER, required=True, refuse=checks.a_port),
    Property("external", ValueKind.NUMBER, computed=True, refuse=checks.a_port),
    Property("ip", ValueKind.TEXT, default="0.0.0.0"),  # noqa: S104 - the official plugin's default; the policy pack refuses it
    Property("protocol", ValueKind.TEXT, default="tcp", refuse=checks.one_of("tcp", "udp", "sctp")),
)


def ports_in_order(ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ports in a fixed order: programs may list them in any."""
    return sorted(ports, key=lambda port: json.dumps(port, sort_keys=True))


VOLUME_FIELDS = (
    Property("containerPath", ValueKind.TEXT, created="", refreshed="", refuse=checks.an_absolute_path),
    Property("fromContainer", ValueKind.TEXT, created="", refreshed=""),
    Property("hostPath", ValueKind.TEXT, created="", refreshed="", refuse=checks.an_absolute_path),
    Property("readOnly", ValueKind.SWITCH, refreshed=False),
    Property("selinuxRelabel", ValueKind.TEXT, created="", refreshed="", refuse=checks.one_of("z", "Z")),
    Property("volumeName", ValueKind.TEXT, created="", refreshed=""),
)

MOUNT_FIELDS = (
    Property("target", ValueKind.TEXT, required=True, refuse=checks.an_absolute_path),
    Property("type", ValueKind.TEXT, required=True, refuse=checks.one_of("bind", "volume", "tmpfs")),
    Property("source", ValueKind.TEXT, created="", refreshed=""),
    Property("readOnly", ValueKind.SWITCH, refreshed=False),
    Property(
        "bindOptions",
        ValueKind.OBJECT,
        fields=(
            Property(
                "propagation",
                ValueKind.TEXT,
                created="",
                refreshed="",
                refuse=checks.one_of("private", "rprivate", "shared", "rshared", "slave", "rslave"),
            ),
        ),
    ),
    Property(
        "tmpfsOptions",
        ValueKind.OBJECT,
        fields=(
            Property("mode", ValueKind.NUMBER, refreshed=0, refuse=checks.at_least(0)),
            Property("sizeBytes", ValueKind.NUMBER, refreshed=0, refuse=checks.at_least(0)),
        ),
    ),
    Property(
        "volumeOptions",
        ValueKind.OBJECT,
        fields=(
            Property("driverName", ValueKind.TEXT, created="", refreshed=""),
            Property("driverOptions", ValueKind.TEXT_MAP, refreshed={}),
            Property("labels", ValueKind.OBJECT_SET, fields=LABEL_FIELDS, created=[], refreshed=[]),
            Property("noCopy", ValueKind.SWITCH, refreshed=False),
            Property("subpath", ValueKind.TEXT, created="", refreshed="", api="1.45"),
        ),
    ),
)

UPLOAD_FIELDS = (
    Property("file", ValueKind.TEXT, required=True, refuse=checks.an_absolute_path),
    Property("content", ValueKind.TEXT, created="", refreshed=""),
    Property("contentBase64", ValueKind.TEXT, created="", refreshed="", refuse=checks.base64_text),
    Property("executable", ValueKind.SWITCH, created=False, refreshed=False),
    Property(
        "permissions", ValueKind.TEXT, created="", refreshed="", refuse=checks.matching(r"0[0-7]{3}", "four octal digits such as `0644`")
    ),
    Property("source", ValueKind.TEXT, created="", refreshed=""),
    Property("sourceHash", ValueKind.TEXT, created="", refreshed=""),
    Property("owner", ValueKind.TEXT, created=ABSENT, refreshed=ABSENT),
    Property("group", ValueKind.TEXT, created=ABSENT, refreshed=ABSENT),
)

NETWORK_FIELDS = (
    Property("name", ValueKind.TEXT, required=True),
    Property("aliases", ValueKind.TEXT_SET, created=[], refreshed=[]),
    Property("driverOpts", ValueKind.TEXT_SET, created=[], refreshed=[], refuse=checks.an_assignment),
    Property("gwPriority", ValueKind.NUMBER, refreshed=0, api="1.48"),
    Property("ipv4Address", ValueKind.TEXT, created="", refreshed=""),
    Property("ipv6Address", ValueKind.TEXT, created="", refreshed=""),
    Property("linkLocalIps", ValueKind.TEXT_SET, created=[], refreshed=[]),
    Property("macAddress", ValueKind.TEXT, created="", refreshed="", canonical=str.lower),
)


def network_mode(mode: str) -> str:
    """Return a network mode by its real name: the Docker CLI's `default` is the bridge."""
    return "bridge" if mode == "default" else mode


HOST_FIELDS = (Property("host", ValueKind.TEXT, required=True), Property("ip", ValueKind.TEXT, required=True))


def _nanoseconds(value: str) -> int:
    return codecs.nanoseconds(value)


HEALTHCHECK_FIELDS = (
    Property("tests", ValueKind.TEXTS, place="Test", created=[], refreshed=[]),
    *(
        Property(name, ValueKind.TEXT, default="0s", place=place, codec=codecs.DURATION, canonical=_nanoseconds, refuse=checks.a_duration)
        for name, place in (("interval", "Interval"), ("timeout", "Timeout"), ("startPeriod", "StartPeriod"))
    ),
    Property(
        "startInterval",
        ValueKind.TEXT,
        default="0s",
        place="StartInterval",
        codec=codecs.DURATION,
        canonical=_nanoseconds,
        refuse=checks.a_duration,
        api="1.44",
    ),
    Property("retries", ValueKind.NUMBER, place="Retries", created=0, refreshed=0, refuse=checks.at_least(0)),
)


def _encode_devices(devices: list[dict[str, Any]]) -> Any:
    return _DEVICES.encode(
        [
            {key: item or "" for key, item in device.items()}
            for device in devices_in_full([{"containerPath": "", "permissions": "", **device} for device in devices])
        ]
    )


_DEVICES = codecs.renamed(hostPath="PathOnHost", containerPath="PathInContainer", permissions="CgroupPermissions")
DEVICES = Codec(_encode_devices, _DEVICES.decode)
DEVICE_FIELDS = (
    Property("hostPath", ValueKind.TEXT, required=True),
    Property("containerPath", ValueKind.TEXT, created="", refreshed=""),
    Property("permissions", ValueKind.TEXT, created="", refreshed="", refuse=checks.matching(r"[rwm]+", "some of the letters r, w and m")),
)


def devices_in_full(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return devices with Docker's values for a missing inside path or missing permissions."""
    return [
        {**device, "containerPath": device["containerPath"] or device["hostPath"], "permissions": device["permissions"] or "rwm"}
        for device in devices
    ]


RATES = codecs.renamed(path="Path", rate="Rate")
RATE_FIELDS = (
    Property("path", ValueKind.TEXT, required=True),
    Property("rate", ValueKind.NUMBER, required=True, refuse=checks.at_least(1)),
)

DEVICE_REQUEST_FIELDS = (
    Property("capabilities", ValueKind.TEXT_SET, created=[], refreshed=[]),
    Property("count", ValueKind.NUMBER, refreshed=0),
    Property("deviceIds", ValueKind.TEXTS, created=[], refreshed=[]),
    Property("driver", ValueKind.TEXT, created="", refreshed=""),
    Property("options", ValueKind.TEXT_MAP, refreshed={}),
)
