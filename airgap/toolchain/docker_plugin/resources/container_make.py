"""Creates, changes, attaches to and removes containers; takes over those of an interrupted run."""

from __future__ import annotations

import time
from typing import Any

from airgap.toolchain.docker_plugin import codecs
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import explanation, failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from airgap.toolchain.docker_plugin.resources import container_life as life
from airgap.toolchain.docker_plugin.resources import uploads
from airgap.toolchain.docker_plugin.resources.container_body import create_body, endpoint, needs
from airgap.toolchain.docker_plugin.resources.image import ensure_image
from airgap.toolchain.docker_plugin.resources.marker import Mark, mark, mark_of
from airgap.toolchain.docker_plugin.tables.container import CONTAINER

_REMOVAL = 30.0
"""Seconds for Docker to finish a removal that has begun."""
_IN_PLACE = {"cpuShares": "cpu_shares", "cpuSet": "cpuset_cpus", "memory": "mem_limit", "memoryReservation": "mem_reservation"}
"""The names of the limits in the SDK's `update_container`."""
_TABLE = {prop.name: prop for prop in CONTAINER}


def make(call: Call, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the container, created with its files but not yet started.

    Raises DockerPluginError if the image is missing or something else has the name.
    """
    _refuse_too_new(call, inputs)
    for reason in uploads.unreachable(inputs):
        raise DockerPluginError(f"container `{inputs['name']}` was not created: {reason}")
    ensure_image(call, inputs["image"], inputs.get("platform"))
    body = create_body(inputs)
    own = mark(call.urn, body)
    existing = _of_name(call, inputs["name"])
    if existing is not None and not _is_ours(existing, own, inputs["name"]):
        # From an interrupted run, and the program has changed since; data is in volumes, which stay.
        life.stop(call, existing["Id"], inputs["name"], inputs.get("destroyGraceSeconds") or inputs.get("stopTimeout") or 10)
        remove(call, existing["Id"], inputs["name"], volumes=False)
        existing = None
    body["HostConfig"]["ContainerIDFile"] = str(own)
    container_id = existing["Id"] if existing is not None else _create(call, inputs, body, own)
    container = life.inspect(call, container_id)
    if container is None:
        raise DockerPluginError(f"container `{inputs['name']}` vanished right after its creation", next_step="run `pulumi up` again")
    try:
        _connect(call, container, inputs)
        if not container["State"]["Running"]:
            uploads.upload_all(call, container_id, inputs)
    except DockerPluginError:
        discard(call, container)
        raise
    return container


def _create(call: Call, inputs: dict[str, Any], body: dict[str, Any], own: Mark) -> str:
    from docker.errors import APIError

    name = inputs["name"]
    with failing_as(f"container `{name}` could not be created"):
        client: Any = call.engine.client
        try:
            return str(client.create_container_from_config(body, name=name, platform=inputs.get("platform"))["Id"])
        except APIError as error:
            # The name was free a moment ago. This request may have arrived twice, and the first one made it.
            existing = _of_name(call, name) if error.status_code == 409 else None
            if existing is None or not _is_ours(existing, own, name):
                raise
            return str(existing["Id"])


def _is_ours(container: dict[str, Any], own: Mark, name: str) -> bool:
    """Whether it was made from this recipe. Raises DockerPluginError if another stack or an unknown program made it."""
    present_mark = mark_of(container)
    if present_mark is None or present_mark.owner != own.owner:
        raise _foreign(container, name)
    return present_mark.recipe == own.recipe


def _of_name(call: Call, name: str) -> dict[str, Any] | None:
    """Return the container with that name, after waiting for one that is being removed."""
    deadline = time.monotonic() + _REMOVAL
    while True:
        container = life.inspect(call, name)
        if container is None or container["Name"].lstrip("/") != name:
            return None
        if container["State"]["Status"] not in ("removing", "dead") or time.monotonic() > deadline:
            return container
        call.sleep(0.2)


def _foreign(container: dict[str, Any], name: str) -> DockerPluginError:
    return DockerPluginError(
        f"a container named `{name}` exists already, and this stack did not make it: "
        f"{container['State']['Status']}, of image {container['Config'].get('Image')}, created {container.get('Created', '')[:19]}",
        where=f"container {container['Id'][:12]}",
        next_step=f"remove it if nobody needs it (docker rm -f {name}), give this one another name, "
        f"or bring it in: pulumi import docker:index/container:Container NAME {container['Id'][:12]}",
    )


def _refuse_too_new(call: Call, inputs: dict[str, Any]) -> None:
    for prop in CONTAINER:
        value = inputs.get(prop.name)
        for name, api in [(prop.name, prop.api)] * bool(prop.api and value) + needs(prop, value):
            if not call.engine.has(api):
                raise DockerPluginError(
                    f"container `{inputs['name']}`: `{name}` needs Docker API {api}, and this engine offers {call.engine.api}",
                    next_step="leave it out, or upgrade Docker",
                )


def _connect(call: Call, container: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Connect the container to its networks, and disconnect it from the default one."""
    networks = inputs.get("networksAdvanced") or []
    if not networks:
        return
    client: Any = call.engine.client
    name = inputs["name"]
    present = dict(container["NetworkSettings"].get("Networks") or {})
    ids = {end.get("NetworkID") for end in present.values()} | set(present)
    if "bridge" in present and not any(item["name"] in ("bridge", present["bridge"].get("NetworkID")) for item in networks):
        with failing_as(f"container `{name}` could not be taken off the default network"):
            client.disconnect_container_from_network(container["Id"], "bridge")
    for item in networks:
        if item["name"] not in ids:
            with failing_as(
                f"container `{name}` could not be put on network `{item['name']}`",
                "check the network with: docker network inspect " + item["name"],
            ):
                data = {"Container": container["Id"], "EndpointConfig": endpoint(item)}
                response = client._post_json(client._url("/networks/{0}/connect", item["name"]), data=data)
                client._raise_for_status(response)


def change(call: Call, container: dict[str, Any], changes: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Change limits and the restart policy of a container in place."""
    if not changes:
        return
    options: dict[str, Any] = {}
    for name, key in _IN_PLACE.items():
        if name in changes:
            options[key] = _TABLE[name].codec.encode(changes[name] or _resting(name, inputs))
    if changes.keys() & {"memory", "memorySwap"}:
        options |= _memory(container, inputs)
    if changes.keys() & {"restart", "maxRetryCount"}:
        options["restart_policy"] = {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}
    with failing_as(f"container `{inputs['name']}` could not be changed in place"):
        call.engine.client.update_container(container["Id"], **options)


def _resting(name: str, inputs: dict[str, Any]) -> int:
    """Return the value that removes a limit; for most, Docker has none."""
    if name == "cpuShares":
        return codecs.DEFAULT_SHARES
    raise DockerPluginError(
        f"container `{inputs['name']}`: Docker cannot take `{name}` off a container that exists",
        next_step="ask for a replacement: pulumi up --replace URN",
    )


def _memory(container: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Docker refuses a memory limit above the limit of memory and swap together, so set both."""
    memory = codecs.MEBIBYTES.encode(inputs.get("memory") or 0) or container["HostConfig"].get("Memory") or 0
    swap = inputs.get("memorySwap")
    # Without its own limit, Docker allows as much swap as memory.
    return {"mem_limit": memory, "memswap_limit": codecs.MEBIBYTES.encode(swap) if swap else 2 * memory}


def attach(call: Call, container_id: str, inputs: dict[str, Any]) -> str | None:
    """Wait for the container's end; return its log if the program keeps it."""
    name = inputs["name"]
    while True:
        container = life.inspect(call, container_id)
        if container is None or container["State"]["Status"] in ("exited", "dead"):
            break
        call.status("running until it ends")
        call.sleep(0.2)
    if container is None or not inputs.get("logs"):
        return None
    with failing_as(f"the log of container `{name}` could not be read"):
        return bytes(call.engine.client.logs(container_id)).decode(errors="replace")


def discard(call: Call, container: dict[str, Any]) -> None:
    """Remove a container that never ran, so that the next run starts from nothing; report only the first failure."""
    if container["State"]["Status"] == "created":
        try:
            remove(call, container["Id"], container["Name"].lstrip("/"), volumes=True)
        except DockerPluginError as error:
            call.warn(str(error))


def remove(call: Call, container_id: str, name: str, *, volumes: bool) -> None:
    """Remove a container, with its anonymous volumes if requested; ignore a missing one."""
    from docker.errors import APIError, NotFound

    with failing_as(f"container `{name}` could not be removed"):
        try:
            call.engine.client.remove_container(container_id, v=volumes, force=True)
        except NotFound:
            return
        except APIError as error:
            if "already in progress" not in explanation(error):
                raise
    deadline = time.monotonic() + _REMOVAL
    while life.inspect(call, container_id) is not None:
        if time.monotonic() > deadline:
            raise DockerPluginError(
                f"Docker does not finish removing container `{name}`", next_step=f"see: docker inspect {container_id[:12]}"
            )
        call.sleep(0.1)
