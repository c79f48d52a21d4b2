"""Converts Docker's answer about a container to its properties, following the table."""

from __future__ import annotations

from typing import Any

from airgap.toolchain.docker_plugin.tables.container import CONTAINER
from airgap.toolchain.docker_plugin.tables.container_parts import HEALTHCHECK_FIELDS


def actual(container: dict[str, Any], image: dict[str, Any] | None, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return every property in Docker's answer about a container.

    `image` is the inspected image, whose settings don't count as requested; `inputs` are the inputs, whose spelling of names is kept.
    """
    properties = {prop.name: prop.codec.decode(_get(container, prop.place)) for prop in CONTAINER if prop.place}
    host = container["HostConfig"]
    defaults = (image or {}).get("Config") or {}
    properties["name"] = container["Name"].lstrip("/")
    properties["image"] = _image(container, image, inputs)
    properties["envs"] = _without(properties["envs"] or [], defaults.get("Env") or [], inputs.get("envs") or [])
    properties["labels"] = _own_labels(properties["labels"], defaults.get("Labels") or {}, inputs.get("labels") or [])
    properties["platform"] = inputs.get("platform") or container.get("Platform")
    properties["init"] = bool(properties["init"])
    properties["healthcheck"] = _healthcheck(container["Config"].get("Healthcheck"))
    if host.get("CapAdd") or host.get("CapDrop"):
        properties["capabilities"] = {"adds": host.get("CapAdd") or [], "drops": host.get("CapDrop") or []}
    else:
        properties["capabilities"] = None
    properties["ports"] = _ports(container)
    properties["mounts"] = [_mount(item) for item in host.get("Mounts") or []]
    properties["volumes"] = _volumes(container, defaults, inputs.get("volumes") or [])
    properties["deviceRequests"], properties["gpus"] = _device_requests(host, inputs)
    properties["networksAdvanced"] = _networks(container, inputs)
    return properties


def outputs_only(container: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs that are not inputs."""
    settings = container.get("NetworkSettings") or {}
    return {
        "bridge": settings.get("Bridge", ""),
        "networkDatas": [_network_data(name, item) for name, item in sorted((settings.get("Networks") or {}).items())],
        "exitCode": None if container["State"]["Status"] in ("running", "created") else container["State"].get("ExitCode"),
    }


def _get(container: dict[str, Any], place: str) -> Any:
    value: Any = container
    for step in place.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _image(container: dict[str, Any], image: dict[str, Any] | None, inputs: dict[str, Any]) -> str:
    """Keep the program's name for the image as long as it means the container's image."""
    named = inputs.get("image")
    names = {container["Image"], *((image or {}).get("RepoTags") or []), *((image or {}).get("RepoDigests") or [])}
    short = {name.removesuffix(":latest") for name in names}
    return str(named) if named in names | short else str(container["Image"])


def _without(entries: list[str], inherited: list[str], requested: list[str]) -> list[str]:
    return [entry for entry in entries if entry in requested or entry not in inherited]


def _own_labels(labels: list[dict[str, Any]], inherited: dict[str, str], requested: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = {item["label"] for item in requested}
    return [item for item in labels if item["label"] in named or inherited.get(item["label"]) != item["value"]]


def _healthcheck(check: dict[str, Any] | None) -> dict[str, Any] | None:
    if not check or not check.get("Test"):
        return None
    return {prop.name: prop.codec.decode(check.get(prop.place)) for prop in HEALTHCHECK_FIELDS}


def _ports(container: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the requested ports and Docker's chosen numbers: a stopped container publishes nothing, but still requests it."""
    live = (container.get("NetworkSettings") or {}).get("Ports") or {}
    ports = []
    requested = container["HostConfig"].get("PortBindings") or {}
    if container["HostConfig"].get("PublishAllPorts"):
        requested = {**live, **requested}
    for port, bindings in sorted(requested.items(), key=lambda item: (int(item[0].partition("/")[0]), item[0])):
        internal, _, protocol = port.partition("/")
        for index, binding in enumerate(bindings or []):
            chosen = (live.get(port) or [])[index : index + 1]
            number = binding.get("HostPort") or (chosen[0]["HostPort"] if chosen else "0")
            external = number if number.isdecimal() and number != "0" else (chosen[0]["HostPort"] if chosen else 0)
            address = binding.get("HostIp") or "0.0.0.0"  # noqa: S104 - Docker's default
            ports.append({"internal": int(internal), "external": int(external), "ip": address, "protocol": protocol})
    return ports


def _mount(mount: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = {
        "target": mount["Target"],
        "type": mount["Type"],
        "source": mount.get("Source", ""),
        "readOnly": mount.get("ReadOnly", False),
    }
    if mount.get("BindOptions"):
        view["bindOptions"] = {"propagation": mount["BindOptions"].get("Propagation", "")}
    if mount.get("TmpfsOptions"):
        view["tmpfsOptions"] = {"sizeBytes": mount["TmpfsOptions"].get("SizeBytes", 0), "mode": mount["TmpfsOptions"].get("Mode", 0)}
    options = mount.get("VolumeOptions")
    if options:
        driver = options.get("DriverConfig") or {}
        view["volumeOptions"] = {
            "noCopy": options.get("NoCopy", False),
            "labels": [{"label": name, "value": value} for name, value in sorted((options.get("Labels") or {}).items())],
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath", ""),
        }
    return view


def _volumes(container: dict[str, Any], defaults: dict[str, Any], requested: list[dict[str, Any]]) -> list[dict[str, Any]]:
    host = container["HostConfig"]
    volumes = [_bind(bind, requested) for bind in host.get("Binds") or []]
    bound = {item["containerPath"] for item in volumes}
    requested_paths = {item.get("containerPath") for item in requested}
    inherited = (defaults.get("Volumes") or {}).keys() - requested_paths
    volumes.extend({"containerPath": path} for path in sorted((container["Config"].get("Volumes") or {}).keys() - bound - inherited))
    volumes.extend({"fromContainer": name} for name in host.get("VolumesFrom") or [])
    return volumes


def _bind(bind: str, requested: list[dict[str, Any]]) -> dict[str, Any]:
    source, path, *rest = bind.split(":")
    modes = rest[0].split(",") if rest else []
    view: dict[str, Any] = {"containerPath": path, "readOnly": "ro" in modes}
    relabel = [mode for mode in modes if mode in ("z", "Z")]
    if relabel:
        view["selinuxRelabel"] = relabel[0]
    view["hostPath" if source.startswith("/") else "volumeName"] = source
    for item in requested:
        # If both are requested the path on the host counts, and the name is only recorded.
        if item.get("containerPath") == path and item.get("hostPath") == source and item.get("volumeName"):
            view["volumeName"] = item["volumeName"]
    return view


def _device_requests(host: dict[str, Any], inputs: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    requests: list[dict[str, Any]] = []
    gpus: str | None = None
    for request in host.get("DeviceRequests") or []:
        capabilities = (request.get("Capabilities") or [[]])[0]
        if inputs.get("gpus") and capabilities == ["gpu"] and not request.get("Driver"):
            gpus = "all" if request.get("Count") == -1 else "device=" + ",".join(request.get("DeviceIDs") or [])
            continue
        requests.append(
            {
                "driver": request.get("Driver", ""),
                "count": request.get("Count", 0),
                "deviceIds": request.get("DeviceIDs") or [],
                "capabilities": capabilities,
                "options": request.get("Options") or {},
            }
        )
    return requests, gpus


def _networks(container: dict[str, Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the container's networks, besides the one of its network mode."""
    requested = inputs.get("networksAdvanced") or []
    mode = container["HostConfig"].get("NetworkMode", "")
    own = {container["Id"][:12], container["Name"].lstrip("/"), container["Config"].get("Hostname", "")}
    networks = []
    for name, end in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items():
        twin = next((item for item in requested if item["name"] in (name, end.get("NetworkID"))), None)
        if twin is None and (name == mode or (name == "bridge" and mode in ("default", "bridge"))):
            continue
        addresses = end.get("IPAMConfig") or {}
        aliases = [alias for alias in end.get("Aliases") or [] if alias not in own or alias in ((twin or {}).get("aliases") or [])]
        networks.append(
            {
                "name": twin["name"] if twin else name,
                "aliases": aliases,
                "driverOpts": [f"{key}={value}" for key, value in sorted((end.get("DriverOpts") or {}).items())],
                "gwPriority": end.get("GwPriority", 0),
                "ipv4Address": addresses.get("IPv4Address", ""),
                "ipv6Address": addresses.get("IPv6Address", ""),
                "linkLocalIps": addresses.get("LinkLocalIPs") or [],
                # Docker reports the present address, not whether it was requested; a stopped container has none.
                "macAddress": (end.get("MacAddress") or twin.get("macAddress")) if twin and twin.get("macAddress") else "",
            }
        )
    return networks


def _network_data(name: str, end: dict[str, Any]) -> dict[str, Any]:
    return {
        "gateway": end.get("Gateway", ""),
        "globalIpv6Address": end.get("GlobalIPv6Address", ""),
        "globalIpv6PrefixLength": end.get("GlobalIPv6PrefixLen", 0),
        "ipAddress": end.get("IPAddress", ""),
        "ipPrefixLength": end.get("IPPrefixLen", 0),
        "ipv6Gateway": end.get("IPv6Gateway", ""),
        "macAddress": end.get("MacAddress", ""),
        "networkName": name,
    }
