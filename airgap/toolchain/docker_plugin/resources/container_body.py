"""Converts a container's inputs to the body of Docker's create request, following the table."""

from __future__ import annotations

from typing import Any

from airgap.toolchain.docker_plugin.properties import Property
from airgap.toolchain.docker_plugin.tables.container import CONTAINER
from airgap.toolchain.docker_plugin.tables.container_parts import HEALTHCHECK_FIELDS


def create_body(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the request's body; networks and uploads come after creation."""
    body: dict[str, Any] = {"Image": inputs["image"], "HostConfig": {}}
    for prop in CONTAINER:
        value = inputs.get(prop.name)
        if value is not None and prop.place:
            _put(body, prop.place, prop.codec.encode(value))
    host = body["HostConfig"]
    if inputs.get("healthcheck") is not None:
        body["Healthcheck"] = healthcheck(inputs["healthcheck"])
    capabilities = inputs.get("capabilities") or {}
    host["CapAdd"], host["CapDrop"] = capabilities.get("adds") or [], capabilities.get("drops") or []
    if inputs.get("ports"):
        body["ExposedPorts"], host["PortBindings"] = ports(inputs["ports"])
    if inputs.get("mounts"):
        host["Mounts"] = [mount(item) for item in inputs["mounts"]]
    body["Volumes"], host["Binds"], host["VolumesFrom"] = volumes(inputs.get("volumes") or [])
    requests = [device_request(item) for item in inputs.get("deviceRequests") or []]
    if inputs.get("gpus"):
        requests.append(gpu_request(inputs["gpus"]))
    if requests:
        host["DeviceRequests"] = requests
    return body


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    """Store a value at a place such as `Config.User`; the request has the parts of `Config` at its top level."""
    *path, last = place.removeprefix("Config.").split(".")
    target = body
    for step in path:
        target = target.setdefault(step, {})
    target[last] = value


def healthcheck(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the health check in Docker's terms, its durations in nanoseconds."""
    values = {prop.place: prop.codec.encode(inputs[prop.name]) for prop in HEALTHCHECK_FIELDS if inputs.get(prop.name) is not None}
    if not values.get("StartInterval"):
        values.pop("StartInterval", None)  # engines before 25 refuse it
    return values


def ports(inputs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """Return the exposed ports, and the published address of each."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in inputs:
        external = port.get("external")
        binding = {"HostIp": port.get("ip") or "", "HostPort": str(external) if external else ""}
        bindings.setdefault(f"{port['internal']}/{port.get('protocol') or 'tcp'}", []).append(binding)
    return {port: {} for port in bindings}, bindings


def mount(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return one mount in Docker's terms."""
    docker_mount: dict[str, Any] = {"Target": inputs["target"], "Source": inputs.get("source") or "", "Type": inputs["type"]}
    docker_mount["ReadOnly"] = inputs.get("readOnly") or False
    if inputs["type"] == "bind" and inputs.get("bindOptions"):
        docker_mount["BindOptions"] = {"Propagation": inputs["bindOptions"].get("propagation") or ""}
    if inputs["type"] == "tmpfs" and inputs.get("tmpfsOptions"):
        options = inputs["tmpfsOptions"]
        docker_mount["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes") or 0, "Mode": options.get("mode") or 0}
    if inputs["type"] == "volume" and inputs.get("volumeOptions"):
        options = inputs["volumeOptions"]
        docker_mount["VolumeOptions"] = {
            "NoCopy": options.get("noCopy") or False,
            "Labels": {item["label"]: item["value"] for item in options.get("labels") or []},
        }
        if options.get("driverName") or options.get("driverOptions"):
            docker_mount["VolumeOptions"]["DriverConfig"] = {
                "Name": options.get("driverName") or "",
                "Options": options.get("driverOptions") or {},
            }
        if options.get("subpath"):
            docker_mount["VolumeOptions"]["Subpath"] = options["subpath"]
    return docker_mount


def volumes(inputs: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return anonymous volumes, binds (`SOURCE:PATH:MODE`) and the containers whose volumes are shared."""
    anonymous: dict[str, Any] = {}
    binds: list[str] = []
    shared: list[str] = []
    for item in inputs:
        source = item.get("hostPath") or item.get("volumeName")
        if item.get("fromContainer"):
            shared.append(item["fromContainer"])
        elif source:
            mode = "ro" if item.get("readOnly") else "rw"
            relabel = f",{item['selinuxRelabel']}" if item.get("selinuxRelabel") else ""
            binds.append(f"{source}:{item['containerPath']}:{mode}{relabel}")
            anonymous[item["containerPath"]] = {}
        else:
            anonymous[item["containerPath"]] = {}
    return anonymous, binds, shared


def gpu_request(gpus: str) -> dict[str, Any]:
    """Return the device request that `docker run --gpus` makes."""
    if gpus == "all":
        return {"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    return {"Driver": "", "Count": 0, "DeviceIDs": gpus.removeprefix("device=").split(","), "Capabilities": [["gpu"]], "Options": {}}


def device_request(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return one device request in Docker's terms."""
    return {
        "Driver": inputs.get("driver") or "",
        "Count": inputs.get("count") or 0,
        "DeviceIDs": inputs.get("deviceIds") or None,
        "Capabilities": [inputs["capabilities"]] if inputs.get("capabilities") else [],
        "Options": inputs.get("options") or {},
    }


def endpoint(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a container's end of one network, for `NetworkConnect`."""
    addresses = {
        "IPv4Address": inputs.get("ipv4Address"),
        "IPv6Address": inputs.get("ipv6Address"),
        "LinkLocalIPs": inputs.get("linkLocalIps"),
    }
    docker_endpoint: dict[str, Any] = {
        "Aliases": inputs.get("aliases") or [],
        "IPAMConfig": {key: item for key, item in addresses.items() if item},
    }
    if inputs.get("driverOpts"):
        docker_endpoint["DriverOpts"] = dict(option.split("=", 1) for option in inputs["driverOpts"])
    if inputs.get("macAddress"):
        docker_endpoint["MacAddress"] = inputs["macAddress"]
    if inputs.get("gwPriority"):
        docker_endpoint["GwPriority"] = inputs["gwPriority"]
    return docker_endpoint


def needs(prop: Property, value: Any) -> list[tuple[str, str]]:
    """Return the given properties that need a newer Docker API than the oldest supported: name and version."""
    features: list[tuple[str, str]] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            for field in prop.fields:
                inner = item.get(field.name)
                if field.api and inner not in (None, "", 0, "0s", False):
                    features.append((f"{prop.name}.{field.name}", field.api))
                if field.fields and inner:
                    features.extend((f"{prop.name}.{name}", api) for name, api in needs(field, inner))
    return features
