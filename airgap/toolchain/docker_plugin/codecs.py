"""Converts values between programs and Docker's API: units, durations, key-value lists."""

from __future__ import annotations

import re
from typing import Any

from airgap.toolchain.docker_plugin.properties import Codec

_MEBIBYTE = 1024 * 1024
DEFAULT_SHARES = 1024
"""The kernel's default weight of a container."""
_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def nanoseconds(duration: str) -> int:
    """Return the length of a duration such as `1m30s`, in nanoseconds.

    Raises ValueError for an invalid Go duration.
    """
    if duration in ("", "0"):
        return 0
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(duration)
    return round(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))


def duration(length: int) -> str:
    """Return a length in nanoseconds the way Go prints it: `1m30s`, `500ms`, `0s`."""
    if length == 0:
        return "0s"
    if length < _NANOSECONDS["s"]:
        for unit in ("ms", "us"):
            if length >= _NANOSECONDS[unit]:
                return _number(length / _NANOSECONDS[unit]) + unit
        return f"{length}ns"
    hours, rest = divmod(length, _NANOSECONDS["h"])
    minutes, rest = divmod(rest, _NANOSECONDS["m"])
    seconds = _number(rest / _NANOSECONDS["s"]) + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + seconds


def _number(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _mebibytes(size: int) -> int:
    return size * _MEBIBYTE if size > 0 else size


MEBIBYTES = Codec(_mebibytes, lambda size: size // _MEBIBYTE if size and size > 0 else size)
DURATION = Codec(nanoseconds, lambda length: duration(length or 0))
NANO_CPUS = Codec(lambda cpus: round(float(cpus) * 1e9), lambda nano: _number(nano / 1e9) if nano else "")
RESTART = Codec(lambda name: name, lambda name: name or "no")


def renamed(**names: str) -> Codec:
    """Return the codec of a list of objects whose keys have other names in the API."""

    def encode(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{docker_name: item.get(here) for here, docker_name in names.items() if item.get(here) is not None} for item in items]

    def decode(items: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        return [{here: item.get(docker_name) for here, docker_name in names.items()} for item in items or []]

    return Codec(encode, decode)


def _labels_from_map(labels: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"label": name, "value": value} for name, value in sorted((labels or {}).items())]


LABELS = Codec(lambda labels: {item["label"]: item.get("value") or "" for item in labels}, _labels_from_map)
HOSTS = Codec(
    lambda hosts: [f"{item['host']}:{item['ip']}" for item in hosts],
    lambda hosts: [dict(zip(("host", "ip"), item.split(":", 1), strict=True)) for item in hosts or []],
)


def capability(name: str) -> str:
    """Return a capability's full name: Docker takes `net_raw`, `NET_RAW` and `CAP_NET_RAW` for the same."""
    upper = name.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def security_option(option: str) -> str:
    """Return a security option in full: `no-new-privileges` alone means true."""
    return "no-new-privileges:true" if option in ("no-new-privileges", "no-new-privileges=true") else option
