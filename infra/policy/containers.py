"""Rules for containers. They work with a list of allowed properties: any other property is refused.

The list has the properties that `infra/components/container.py` sets. Each rule takes a container's inputs as plain values,
with `UNKNOWN` for those that are known only later: a rule accepts them until then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from christmas.blueprint.services import OPTIONAL_SERVICES, SERVICES
from core.labels import SERVICE_LABEL
from infra.policy.inputs import UNKNOWN, Properties

# Judged by a rule below, or harmless with any value: descriptions, times, sizes, and stricter settings.
_JUDGED = frozenset(
    """
    capabilities cgroupnsMode command cpus entrypoints envs healthcheck image ipcMode labels logDriver logOpts memory memorySwap
    mounts networkMode networksAdvanced pidMode ports readOnly restart runtime securityOpts shmSize stopTimeout tmpfs ulimits
    uploads user usernsMode volumes wait
    """.split()  # noqa: SIM905 - a list of words
)
_HARMLESS = frozenset(
    """
    attach containerReadRefreshTimeoutMilliseconds cpuSet cpuShares destroyGraceSeconds hostname init logs memoryReservation
    mustRun name removeVolumes start stopSignal waitTimeout
    """.split()  # noqa: SIM905 - a list of words
)
_OWN_NAMESPACES: dict[str, tuple[str, ...]] = {
    "networkMode": ("bridge", "none"),
    "ipcMode": ("private", "none"),
    "cgroupnsMode": ("private",),
    "pidMode": (),
    "usernsMode": (),
}
_SECURITY = re.compile(r"no-new-privileges(?:[:=]true)?|seccomp=builtin|apparmor=docker-default")
_NUMBERED_USER = re.compile(r"[1-9]\d{0,8}:[1-9]\d{0,8}")
_VOLUME_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
IMAGE = re.compile(r"(?:[\w./:-]+@)?sha256:[0-9a-f]{64}|(?:[\w.-]+(?::\d+)?/)*[\w.-]+:(?!latest$)[\w][\w.-]*")
_LOG_OPTIONS = {"max-size", "max-file", "max-buffer-size", "mode", "compress", "labels", "env", "tag"}
_SIZE = re.compile(r"[1-9]\d*[bkmg]?", re.IGNORECASE)
_CANNOT_FAIL = re.compile(
    r"\s*(?:true|:|exit(?:\s+0)?|echo\b[^;&|]*|printf\b[^;&|]*|sleep\s+\S+|date|pwd|(?:/usr)?/bin/(?:true|echo\b.*))\s*;?\s*"
)
_ALWAYS_WELL = re.compile(r"(?:\|\||;|&)\s*(?:true|:|exit(?:\s+0)?|echo\b[^;&|]*)\s*;?\s*$")
_PLAIN_PORTS = {20, 21, 23, 25, 69, 80, 110, 143, 389, 512, 513, 514, 2375}
_PLAIN_WORDS = (
    (re.compile(r"(?:^|\s)--scheme[ =]http(?:\s|$)"), "--scheme http"),
    (re.compile(r"(?:^|[\s-])ssl\s*=\s*(?:off|false|no|0|'off')(?:\s|$)"), "ssl=off"),
    (re.compile(r"redis-server\b.*(?:^|\s)--port\s+[1-9]"), "--port, beside Redis's TLS port"),
    (re.compile(r"--protected-mode\s+no"), "--protected-mode no"),
    (re.compile(r"--(?:no-tls|disable-tls|insecure-listen|plaintext)\b"), "an option that turns TLS off"),
    (re.compile(r"-H[ =]?tcp://|--host[ =]tcp://"), "an engine that listens without TLS"),
)
_PLAIN_SETTING = re.compile(
    r"(?P<name>\w*(?:TLS|SSL)(?:_?(?:ENABLED?|MODE|REQUIRED))?|SSLMODE|PGSSLMODE)=(?P<value>off|false|no|0|disabled?|allow|prefer|none)$",
    re.IGNORECASE,
)
_OPEN_DOOR = re.compile(
    r"(?:\w*ANONYMOUS\w*ENABLED=(?:true|on|yes|1)|ALLOW_EMPTY_PASSWORD=(?:true|on|yes|1)|POSTGRES_HOST_AUTH_METHOD=(?:trust|password)"
    r"|\w*AUTH(?:ENTICATION)?_DISABLED=(?:true|on|yes|1))$",
    re.IGNORECASE,
)


def only_what_is_allowed(container: Properties) -> Iterable[str]:
    """Refuse every property that is neither judged by another rule nor harmless."""
    for name, value in container.items():
        if name not in _JUDGED | _HARMLESS and not says_nothing(value):
            yield f"{name} is not an allowed property of a container"


def limits(container: Properties) -> Iterable[str]:
    """Refuse a container that may use all memory, processors or processes of the host."""
    for name in ("memory", "cpus"):
        if not container.get(name):
            yield f"{name} has no limit"
    memory = container.get("memory")
    if memory and UNKNOWN not in (memory, container.get("memorySwap")) and container.get("memorySwap") != memory:
        yield "memorySwap must equal memory: a swapping database is as good as down"
    if container.get("ulimits") is UNKNOWN:
        return
    bounds = [limit for limit in container.get("ulimits") or [] if isinstance(limit, Mapping)]
    if not any(limit.get("name") == "nproc" and _is_bound(limit.get("soft")) and _is_bound(limit.get("hard")) for limit in bounds):
        yield "ulimits must bound nproc: endless forking would take down the host"
    cores = [limit for limit in bounds if limit.get("name") == "core"]
    if not cores or any(not _is_nothing(limit.get("hard")) for limit in cores):
        yield "ulimits must set core to 0: what a crashed server had in memory would lie in a file"


def healthcheck(container: Properties) -> Iterable[str]:
    """Refuse a container without a working health check."""
    check = container.get("healthcheck") or {}
    tests: Any = check.get("tests") if isinstance(check, Mapping) else UNKNOWN
    if not tests or (tests is not UNKNOWN and tests[0] == "NONE"):
        yield "there is no healthcheck"
    elif tests is not UNKNOWN and _cannot_fail([test for test in tests if isinstance(test, str)]):
        yield "the healthcheck can't fail, so it is useless"
    if not container.get("wait"):
        yield "wait must be on, or an unhealthy service would count as up"


def privileges(container: Properties) -> Iterable[str]:
    """Refuse more privileges than those of an ordinary process."""
    capabilities = container.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drops") or []):
        yield "capabilities.drops must hold ALL"
    if capabilities.get("adds"):
        yield f"capabilities.adds must be empty, not {capabilities['adds']}"
    options = container.get("securityOpts") or []
    if not any(str(option) in {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"} for option in options):
        yield "securityOpts must hold no-new-privileges"
    for option in options:
        if option is not UNKNOWN and not _SECURITY.fullmatch(str(option)):
            yield f"securityOpts must not hold {option}: the engine's own profiles stay on"
    if container.get("runtime") not in (None, "", "runc", UNKNOWN):
        yield f"runtime must be the engine's own, not {container['runtime']}"


def namespaces(container: Properties) -> Iterable[str]:
    """Refuse namespaces of the host and of other containers."""
    for name, allowed in _OWN_NAMESPACES.items():
        value = container.get(name)
        if value not in (None, "", UNKNOWN, *allowed):
            yield f"{name} must be the container's own, not {value}"


def user(container: Properties) -> Iterable[str]:
    """Refuse root, and names: only the image knows whether a name is root."""
    if container.get("user") is not UNKNOWN and not _NUMBERED_USER.fullmatch(str(container.get("user") or "")):
        yield "user must be a user's and a group's number, both not 0: the image decides what a name means"


def image(container: Properties) -> Iterable[str]:
    """Refuse an image reference that can change."""
    if container.get("image") is not UNKNOWN and not IMAGE.fullmatch(str(container.get("image") or "")):
        yield "image must be an id, a digest or a fixed tag: not latest, not empty"


def file_systems(container: Properties) -> Iterable[str]:
    """Refuse a writable root, executable memory file systems, and mounts of the host."""
    if not container.get("readOnly"):
        yield "readOnly must be on"
    for volume in container.get("volumes") or []:
        if volume is UNKNOWN:
            continue
        if volume.get("hostPath"):
            yield f"the host must not be mounted, but {volume['hostPath']} is"
        if volume.get("fromContainer"):
            yield f"other containers' volumes must not be mounted, but  {volume['fromContainer']}'s are"
        yield from _named(volume.get("volumeName"), unless=volume.get("hostPath") or volume.get("fromContainer"))
    for mount in container.get("mounts") or []:
        if mount is not UNKNOWN:
            yield from _mount(mount)
    for path, options in (container.get("tmpfs") or {}).items():
        if options is not UNKNOWN:
            yield from _in_memory(path, {word.strip() for word in str(options).split(",")})


def uploads(container: Properties) -> Iterable[str]:
    """Refuse files of the host."""
    for upload in container.get("uploads") or []:
        if upload is not UNKNOWN and upload.get("source"):
            yield f"files of the host must not be copied in, but {upload['source']} is"


def logs(container: Properties) -> Iterable[str]:
    """Refuse unbounded logs, and options that send them elsewhere."""
    options = container.get("logOpts") or {}
    sizes = str(options.get("max-size", "")), str(options.get("max-file", ""))
    bounded = UNKNOWN in options.values() or (bool(_SIZE.fullmatch(sizes[0])) and sizes[1].isdigit() and int(sizes[1]) > 0)
    if container.get("logDriver") not in {"json-file", "local", UNKNOWN} or not bounded:
        yield "logs must be bounded: json-file or local, with max-size and max-file"
    for name in sorted(set(options) - _LOG_OPTIONS):
        yield f"logOpts must not hold {name}"


def lifecycle(container: Properties) -> Iterable[str]:
    """Refuse containers that stay down after a reboot or are killed when they stop."""
    if container.get("restart") not in {"unless-stopped", "always", UNKNOWN}:
        yield "restart must be unless-stopped, or the platform stays down after a reboot"
    seconds = container.get("stopTimeout")
    if seconds is not UNKNOWN and (not seconds or seconds < 10):
        yield "stopTimeout must be 10 seconds or more, to let a database shut down"


def ports(container: Properties) -> Iterable[str]:
    """Refuse ports that other machines can reach."""
    for port in container.get("ports") or []:
        if port is UNKNOWN:
            continue
        address = port.get("ip") or "0.0.0.0"  # noqa: S104 - Docker's default
        try:
            loopback = address is UNKNOWN or ip_address(address).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            yield f"port {port.get('internal')} is published on {address}, not on loopback"


def listeners(container: Properties) -> Iterable[str]:
    """Refuse plaintext listeners in command, settings and ports. `check` asks the servers about their own configuration files."""
    service = next(
        (
            declared
            for declared in (*SERVICES, *OPTIONAL_SERVICES)
            if {"label": SERVICE_LABEL, "value": declared.name} in list(container.get("labels") or [])
        ),
        None,
    )
    for port in container.get("ports") or []:
        inside = port.get("internal") if isinstance(port, Mapping) else UNKNOWN
        if inside in _PLAIN_PORTS or (service and inside is not UNKNOWN and inside not in service.ports.values()):
            yield f"{service.name if service else 'a service'} does not serve TLS on port {inside}"
    started = " ".join([*_words(container.get("entrypoints")), *_words(container.get("command"))])
    for text in (started, *_words(container.get("envs"))):
        yield from (f"{name} lets clients in without TLS" for pattern, name in _PLAIN_WORDS if pattern.search(text))
    for entry in _words(container.get("envs")):
        setting = _PLAIN_SETTING.fullmatch(entry)
        if setting and "DISABLE" not in setting["name"].upper():
            yield f"{entry} lets clients in without TLS"
        if _OPEN_DOOR.fullmatch(entry):
            yield f"{entry} lets everybody in"


def says_nothing(value: Any) -> bool:
    """Whether a property has its default value."""
    return value is not UNKNOWN and not value


def _is_bound(value: Any) -> bool:
    return value is UNKNOWN or (isinstance(value, int | float) and value > 0)


def _is_nothing(value: Any) -> bool:
    return value is UNKNOWN or (isinstance(value, int | float) and value == 0)


def _words(value: Any) -> list[str]:
    return [word for word in value or [] if isinstance(word, str)] if isinstance(value, list) else []


def _cannot_fail(tests: list[str]) -> bool:
    kind, *words = tests
    if kind not in {"CMD", "CMD-SHELL"}:
        words = tests
    if words[:2] in (["sh", "-c"], ["/bin/sh", "-c"], ["bash", "-c"], ["/bin/bash", "-c"]):
        words = words[2:3]
    command = " ".join(words)
    return not command.strip() or bool(_CANNOT_FAIL.fullmatch(command)) or (bool(_ALWAYS_WELL.search(command)))


def _named(name: Any, *, unless: Any) -> Iterable[str]:
    if not unless and name is not UNKNOWN and not _VOLUME_NAME.fullmatch(str(name or "")):
        yield f"a volume must have a name, not {name or 'none'}: a path would be the host's"


def _mount(mount: Mapping[str, Any]) -> Iterable[str]:
    kind, source = mount.get("type"), mount.get("source")
    if kind not in {"volume", "tmpfs", UNKNOWN}:
        yield f"the host must not be mounted, but {source or kind} is"
    if kind == "volume":
        yield from _named(source, unless=None)
        options = mount.get("volumeOptions") or {}
        if options is not UNKNOWN and (options.get("driverOptions") or options.get("driverName") not in (None, "", "local", UNKNOWN)):
            yield f"mount {mount.get('target')} has volume driver options: they can mount the host"
    if kind == "tmpfs":
        options = mount.get("tmpfsOptions") or {}
        if options is not UNKNOWN and not options.get("sizeBytes"):
            yield f"tmpfs {mount.get('target')} has no size"
    if mount.get("bindOptions"):
        yield f"mount {mount.get('target')} has options of a bind mount"


def _in_memory(path: str, options: set[str]) -> Iterable[str]:
    for needed in ("noexec", "nosuid", "nodev"):
        if needed not in options or needed.removeprefix("no") in options:
            yield f"tmpfs {path} must be {needed}"
    if not any(option.startswith("size=") for option in options):
        yield f"tmpfs {path} has no size"
