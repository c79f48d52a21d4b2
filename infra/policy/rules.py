"""The rules themselves: pure functions from a resource's inputs to what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

Properties = Mapping[str, Any]

_SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key|private|credential|cipher", re.IGNORECASE)
_FILE_SUFFIXES = ("_FILE", "_PATH", "_DIR")
# Switches whose names sound like secrets: they say that keys are used, or whose, never which.
_HARMLESS = {"AUTHENTICATION_APIKEY_ENABLED", "AUTHENTICATION_APIKEY_USERS"}
_UNBOUNDED_LOGS = "logs must be bounded: json-file or local, with max-size and max-file"


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` yields a sentence for each thing that is wrong."""

    name: str
    description: str
    check: Callable[[Properties], Iterable[str]]


def _limits(container: Properties) -> Iterable[str]:
    for name in ("memory", "cpus"):
        if not container.get(name):
            yield f"{name} has no limit"
    if container.get("memory") and container.get("memorySwap") != container.get("memory"):
        yield "memorySwap must equal memory: a database that swaps is down in all but name"


def _healthcheck(container: Properties) -> Iterable[str]:
    tests = (container.get("healthcheck") or {}).get("tests") or []
    if not tests or tests[0] == "NONE":
        yield "there is no healthcheck"
    if not container.get("wait"):
        yield "wait must be on, or a service that never gets healthy would pass for one that came up"


def _privileges(container: Properties) -> Iterable[str]:
    if container.get("privileged"):
        yield "privileged containers own the host"
    capabilities = container.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drops") or []):
        yield "capabilities.drops must hold ALL"
    if capabilities.get("adds"):
        yield f"capabilities.adds must be empty, not {capabilities['adds']}"
    if not any(
        str(each).startswith("no-new-privileges") and not str(each).endswith("false") for each in container.get("securityOpts") or []
    ):
        yield "securityOpts must hold no-new-privileges"
    for name in ("pidMode", "ipcMode", "usernsMode", "networkMode"):
        if container.get(name) == "host":
            yield f"{name} must not be the host's"
    if container.get("devices"):
        yield "no device of the host is handed in"


def _user(container: Properties) -> Iterable[str]:
    user = str(container.get("user") or "")
    if not user or user.split(":", maxsplit=1)[0] in {"0", "root"}:
        yield "the service must run as a user of its own, not as root"


def _root_file_system(container: Properties) -> Iterable[str]:
    if not container.get("readOnly"):
        yield "readOnly must be on"
    for mount in [*(container.get("volumes") or []), *(container.get("mounts") or [])]:
        source = mount.get("hostPath") or (mount.get("source") if mount.get("type") == "bind" else None)
        if source:
            yield f"nothing of the host is mounted, but {source} is"


def _logs(container: Properties) -> Iterable[str]:
    options = container.get("logOpts") or {}
    if container.get("logDriver") not in {"json-file", "local"} or not {"max-size", "max-file"} <= set(options):
        yield _UNBOUNDED_LOGS


def _lifecycle(container: Properties) -> Iterable[str]:
    if container.get("restart") not in {"unless-stopped", "always"}:
        yield "restart must be unless-stopped, or a reboot of the host takes the platform down"
    if not container.get("stopTimeout") or container["stopTimeout"] < 10:
        yield "stopTimeout must leave a database time to shut down: 10 seconds or more"


def _ports(container: Properties) -> Iterable[str]:
    if container.get("publishAllPorts"):
        yield "publishAllPorts publishes what nobody asked for"
    for port in container.get("ports") or []:
        address = port.get("ip") or "0.0.0.0"  # noqa: S104 - what Docker takes where none is given
        try:
            loopback = ip_address(address).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            yield f"port {port.get('internal')} is published on {address}, not on loopback"


def _environment(container: Properties) -> Iterable[str]:
    for entry in container.get("envs") or []:
        name, _, value = str(entry).partition("=")
        if value and name not in _HARMLESS and _SECRET_NAME.search(name) and not name.endswith(_FILE_SUFFIXES):
            yield f"{name} looks like a secret in the environment; deliver it as a file"


def _labels(resource: Properties) -> Iterable[str]:
    present = {each.get("label") for each in resource.get("labels") or []}
    for label in ("com.christmas.project", "com.christmas.stack"):
        if label not in present:
            yield f"the label {label} is missing, so clean-up would not find this"


CONTAINER_RULES: tuple[Rule, ...] = (
    Rule("container-limits", "Memory and processors are limited, and nothing swaps.", _limits),
    Rule("container-healthcheck", "A health check says when the service is up.", _healthcheck),
    Rule("container-privileges", "No privilege, capability, device or namespace of the host.", _privileges),
    Rule("container-user", "No service runs as root.", _user),
    Rule("container-read-only", "The root file system is read-only and nothing of the host is mounted.", _root_file_system),
    Rule("container-logs", "Logs are bounded.", _logs),
    Rule("container-lifecycle", "Services come back by themselves and stop cleanly.", _lifecycle),
    Rule("container-ports", "Ports are published on loopback only.", _ports),
    Rule("container-secrets", "No secret in the environment.", _environment),
    Rule("container-labels", "Everything is found again by its labels.", _labels),
)
NETWORK_RULES: tuple[Rule, ...] = (Rule("network-labels", "Everything is found again by its labels.", _labels),)
VOLUME_RULES: tuple[Rule, ...] = (Rule("volume-labels", "Everything is found again by its labels.", _labels),)
