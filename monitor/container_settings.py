"""Whether each container is what the last `up` told Docker to make.

`docker update`, another network, or a container made anew by hand changes that without Pulumi's knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.docker_client import docker_host
from infra.connections import Platform
from monitor.result import Finding, critical, ok, unknown, warning

Properties = Mapping[str, Any]
_MIB = 1024 * 1024
# What no container of the platform declares, with the values that mean so. They differ from one engine to another.
_UNDECLARED: Mapping[str, tuple[Any, ...]] = {
    "Privileged": (False,),
    "CapAdd": (None, []),
    "Devices": (None, []),
    "DeviceRequests": (None, []),
    "DeviceCgroupRules": (None, []),
    "GroupAdd": (None, []),
    "Sysctls": (None, {}),
    "Dns": (None, []),
    "ExtraHosts": (None, []),
    "Links": (None, []),
    "VolumesFrom": (None, []),
    "PidMode": ("",),
    "UTSMode": ("",),
    "UsernsMode": ("",),
    "IpcMode": ("", "private", "shareable"),
    "PublishAllPorts": (False,),
    "OomKillDisable": (None, False),
}
# Bounds that `docker update` sets beside those that are declared.
_UNBOUNDED = ("CpuShares", "CpuQuota", "CpusetCpus", "BlkioWeight")


@dataclass(frozen=True, slots=True)
class Difference:
    """How a container differs, in words. `lets_in` where it is protected less than declared, or other data are in it."""

    words: str
    lets_in: bool = False


def settings(platform: Platform) -> Finding:
    """Every container has the limits, rights, mounts, networks and the image that it was made with."""
    from docker.errors import ImageNotFound, NotFound

    if not platform.declared:
        return unknown(
            f"stack {platform.stack} was brought up by a version that kept no record of it", f"invoke up --stack {platform.stack}"
        )
    by_service: dict[str, list[Difference]] = {}
    with docker_host() as client:
        for service, declared in sorted(platform.declared.items()):
            try:
                container = client.containers.get(platform.containers[service])
                image = client.images.get(container.attrs["Image"]).attrs
            except ImageNotFound:
                by_service[service] = [Difference("its image is gone from the engine")]
            except NotFound:
                continue  # `containers.health` says so
            else:
                by_service[service] = list(differences(declared, container.attrs, image))
    if not by_service:
        return unknown("none of the declared containers exists", f"invoke up --stack {platform.stack}")
    words = "; ".join(
        f"{service}: {', '.join(difference.words for difference in differing)}" for service, differing in by_service.items() if differing
    )
    if not words:
        return ok(f"{len(by_service)} containers are as the last up made them", 0, "differences")
    number = sum(map(len, by_service.values()))
    judge = critical if any(difference.lets_in for differing in by_service.values() for difference in differing) else warning
    return judge(words, f"invoke preview --refresh --diff --stack {platform.stack}, then: invoke up --refresh", number, "differences")


def differences(declared: Properties, attributes: Properties, image: Properties) -> Iterator[Difference]:
    """How a container differs from what was declared. Pure.

    `declared` has the properties of Pulumi's resource by their Python names, `attributes` and `image` are the engine's answers.
    Values of the environment are not told: somebody may have put a secret there.
    """
    config, host, own = attributes["Config"], attributes["HostConfig"], image["Config"]
    if attributes["Image"] != declared["image"]:
        yield Difference("its image is another")
    yield from _rights(declared, config, host)
    yield from _reach(declared, attributes, own)
    yield from _bounds(declared, config, host)
    for name, key in (("entrypoints", "Entrypoint"), ("command", "Cmd")):
        # An entrypoint of its own leaves no command of the image's.
        theirs = None if name == "command" and declared["entrypoints"] else own.get(key)
        if (config.get(key) or []) != (declared[name] or theirs or []):
            yield Difference(f"its {name.removesuffix('s')} is another")
    expected = _by_name(own.get("Env")) | _by_name(declared["envs"])
    present = _by_name(config.get("Env"))
    changed = sorted(name for name in expected | present if expected.get(name) != present.get(name))
    if changed:
        yield Difference(f"its environment differs in {', '.join(changed)}")
    labels = {label["label"]: label["value"] for label in declared["labels"]}
    changed = sorted(name for name, value in labels.items() if (config.get("Labels") or {}).get(name) != value)
    if changed:
        yield Difference(f"its label {', '.join(changed)} differs")
    if (config.get("Healthcheck") or {}).get("Test") != declared["healthcheck"]["tests"]:
        yield Difference("its health check is another")


def _rights(declared: Properties, config: Properties, host: Properties) -> Iterator[Difference]:
    if config["User"] != declared["user"]:
        yield Difference(f"it runs as {config['User'] or 'root'}, not as {declared['user']}", lets_in=True)
    if not host["ReadonlyRootfs"]:
        yield Difference("its root file system can be written", lets_in=True)
    if not set(declared["capabilities"]["drops"]) <= set(host["CapDrop"] or []):
        yield Difference("it has capabilities", lets_in=True)
    if set(declared["security_opts"]) != set(host["SecurityOpt"] or []):
        yield Difference(f"its security options are {', '.join(host['SecurityOpt'] or []) or 'none'}", lets_in=True)
    # `systempaths=unconfined` is no security option to the engine: it leaves these lists empty.
    yield from (Difference(f"{key} is empty", lets_in=True) for key in ("MaskedPaths", "ReadonlyPaths") if host.get(key) == [])
    for key, meaning_none in _UNDECLARED.items():
        if key in host and host[key] not in meaning_none:
            yield Difference(f"{key} is {host[key]}", lets_in=True)


def _reach(declared: Properties, attributes: Properties, own: Properties) -> Iterator[Difference]:
    """Ports, networks, and what is mounted."""
    ports = {(port["internal"], str(port["external"]), port["ip"]) for port in declared["ports"]}
    published = {
        (int(inside.partition("/")[0]), place["HostPort"], place["HostIp"] or "0.0.0.0")  # noqa: S104 - Docker's default
        for inside, places in (attributes["HostConfig"]["PortBindings"] or {}).items()
        for place in places or []
    }
    yield from (Difference(f"port {inside} is published on {ip}:{outside}", lets_in=True) for inside, outside, ip in published - ports)
    yield from (Difference(f"port {inside} is not published on {ip}:{outside}") for inside, outside, ip in ports - published)
    networks = {network["name"] for network in declared["networks_advanced"]}
    attached = set(attributes["NetworkSettings"]["Networks"])
    yield from (Difference(f"it is in network {name}", lets_in=True) for name in sorted(attached - networks))
    yield from (Difference(f"it is not in network {name}") for name in sorted(networks - attached))
    volumes = {(volume["container_path"], volume["volume_name"], not volume.get("read_only")) for volume in declared["volumes"]}
    mounted = {
        (mount["Destination"], mount.get("Name") or mount.get("Source", ""), mount["RW"])
        for mount in attributes["Mounts"]
        # An image of others may declare volumes of its own.
        if not (mount["Type"] == "volume" and mount["Destination"] in (own.get("Volumes") or {}))
        or mount["Destination"] in {path for path, _, _ in volumes}
    }
    yield from (
        Difference(f"{source} is mounted at {path}{' to write' if rw else ''}", lets_in=True) for path, source, rw in mounted - volumes
    )
    yield from (Difference(f"{name} is not mounted at {path} as declared", lets_in=True) for path, name, _ in volumes - mounted)
    if (attributes["HostConfig"].get("Tmpfs") or {}) != declared["tmpfs"]:
        yield Difference("its file systems in memory are others", lets_in=True)


def _bounds(declared: Properties, config: Properties, host: Properties) -> Iterator[Difference]:
    for name, key, factor, unit in (
        ("memory", "Memory", _MIB, " MiB"),
        ("memory_swap", "MemorySwap", _MIB, " MiB"),
        ("shm_size", "ShmSize", _MIB, " MiB"),
        ("cpus", "NanoCpus", 1e9, ""),
    ):
        present = host[key] / factor
        if round(present, 3) != round(float(declared[name]), 3):
            yield Difference(f"{name} is {f'{present:g}{unit}' if present > 0 else 'not limited'}, not {declared[name]}{unit}")
    yield from (Difference(f"{key} is {host[key]}") for key in _UNBOUNDED if host.get(key))
    if (host.get("PidsLimit") or 0) > 0:
        yield Difference(f"PidsLimit is {host['PidsLimit']}")
    limits = {(limit["Name"], limit["Soft"], limit["Hard"]) for limit in host["Ulimits"] or []}
    if limits != {(limit["name"], limit["soft"], limit["hard"]) for limit in declared["ulimits"]}:
        yield Difference("its ulimits are others", lets_in=True)
    if host["RestartPolicy"]["Name"] != declared["restart"]:
        yield Difference(f"its restart policy is {host['RestartPolicy']['Name']}, not {declared['restart']}")
    if (host["LogConfig"]["Type"], host["LogConfig"]["Config"] or {}) != (declared["log_driver"], declared["log_opts"]):
        yield Difference("its log is kept elsewhere, or with other bounds")
    if (config.get("StopSignal"), config.get("StopTimeout")) != (declared["stop_signal"], declared["stop_timeout"]):
        yield Difference("it is stopped by another signal, or after another time")


def _by_name(environment: list[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in environment or [])}
