"""Networks. One from an interrupted run is taken over; a foreign one is never touched."""

from __future__ import annotations

from typing import Any, ClassVar

from airgap.toolchain.docker_plugin.codecs import LABELS
from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import explanation, failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from airgap.toolchain.docker_plugin.properties import same
from airgap.toolchain.docker_plugin.resources.base import Found, Resource
from airgap.toolchain.docker_plugin.tables.network import NETWORK


class Network(Resource):
    """`docker:index/network:Network`; its id is Docker's."""

    type: ClassVar[str] = "docker:index/network:Network"
    properties = NETWORK
    outputs: ClassVar[tuple[str, ...]] = ("scope",)

    def create(self, call: Call, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the network, or take over one from an interrupted run."""
        from docker.errors import APIError

        name = inputs["name"]
        existing = _of_name(call, name)
        if existing is not None:
            self._refuse_foreign(existing, inputs)
            return existing["Id"], self._outputs(existing, inputs, refreshed=False)
        with failing_as(f"network `{name}` could not be created", "networks in use are listed by: docker network ls"):
            try:
                created = call.engine.client.create_network(
                    name,
                    driver=inputs.get("driver") or "bridge",
                    options=inputs.get("options"),
                    ipam=_ipam(inputs),
                    check_duplicate=True,
                    internal=inputs.get("internal") or False,
                    labels=LABELS.encode(inputs.get("labels") or []),
                    enable_ipv6=inputs.get("ipv6") or False,
                    attachable=inputs.get("attachable") or False,
                    ingress=inputs.get("ingress") or False,
                )
            except APIError as error:
                # The name was free a moment ago. This request may have arrived twice, and the first one made it.
                existing = _of_name(call, name) if error.status_code == 409 else None
                if existing is None:
                    raise
                self._refuse_foreign(existing, inputs)
                created = existing
            network = dict(call.engine.client.inspect_network(created["Id"]))
        return network["Id"], self._outputs(network, inputs, refreshed=False)

    def read(self, call: Call, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Found | None:
        """Return the network's present state; one that was made again by hand with the same name counts as this one."""
        network = _inspect(call, resource_id)
        if network is None and state.get("name"):
            network = _of_name(call, state["name"])
        if network is None:
            return None
        outputs = self._outputs(network, inputs, refreshed=True)
        return Found(network["Id"], outputs, self.drifted(inputs, outputs) if inputs else self.importable(outputs))

    def delete(self, call: Call, resource_id: str, state: dict[str, Any]) -> None:
        """Remove the network, unless containers of others are on it."""
        from docker.errors import APIError, NotFound

        name = state.get("name", resource_id)
        with failing_as(f"network `{name}` could not be removed"):
            try:
                call.engine.client.remove_network(resource_id)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 403:
                    raise
                network = _inspect(call, resource_id) or {}
                ends = ", ".join(sorted(f"`{item['Name']}`" for item in (network.get("Containers") or {}).values()))
                raise DockerPluginError(
                    f"network `{name}` still has containers on it, so it was not removed: {ends or explanation(error)}",
                    next_step=f"take them off (docker network disconnect -f {name} CONTAINER), then run this again",
                ) from None

    def _outputs(self, network: dict[str, Any], inputs: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        actual = _actual(network)
        return {**self.shown(actual, inputs, refreshed=refreshed), "scope": network.get("Scope"), "id": network["Id"]}

    def _refuse_foreign(self, existing: dict[str, Any], inputs: dict[str, Any]) -> None:
        """Raise an error for a foreign network. Its labels decide: Docker keeps nothing else that names an owner."""
        actual = _actual(existing)
        differing = [
            prop.name
            for prop in self.properties
            if not (prop.computed and prop.name not in inputs) and not same(prop, inputs.get(prop.name), actual.get(prop.name))
        ]
        if differing or not inputs.get("labels"):
            name = inputs["name"]
            why = (
                f"it differs in {', '.join(f'`{item}`' for item in differing)}"
                if differing
                else "no label says that it belongs to this stack"
            )
            ours = bool(inputs.get("labels")) and "labels" not in differing
            raise DockerPluginError(
                f"a network named `{name}` exists already, and is not this stack's: {why}",
                where=f"network {existing['Id'][:12]}" + ("; by its labels a stack of this very name made it" if ours else ""),
                next_step=(
                    "if another clone, or another state of this one, runs a stack of this name, give this stack another name. "
                    f"If nobody needs that network: docker network rm {name}"
                    if ours
                    else f"give this one another name, remove it (docker network rm {name}), "
                    f"or bring it in: pulumi import {self.type} NAME {existing['Id']}"
                ),
            )


def _ipam(inputs: dict[str, Any]) -> Any:
    names = {"subnet": "Subnet", "ipRange": "IPRange", "gateway": "Gateway", "auxAddress": "AuxiliaryAddresses"}
    pools = [{docker_name: item[here] for here, docker_name in names.items() if item.get(here)} for item in inputs.get("ipamConfigs") or []]
    return {"Driver": inputs.get("ipamDriver") or "default", "Config": pools, "Options": inputs.get("ipamOptions") or {}}


def _actual(network: dict[str, Any]) -> dict[str, Any]:
    ipam = network.get("IPAM") or {}
    return {
        "name": network["Name"],
        "attachable": network.get("Attachable"),
        "driver": network.get("Driver"),
        "ingress": network.get("Ingress"),
        "internal": network.get("Internal"),
        "ipamConfigs": [
            {
                "auxAddress": pool.get("AuxiliaryAddresses"),
                "gateway": pool.get("Gateway", ""),
                "ipRange": pool.get("IPRange", ""),
                "subnet": pool.get("Subnet", ""),
            }
            for pool in ipam.get("Config") or []
        ],
        "ipamDriver": ipam.get("Driver"),
        "ipamOptions": ipam.get("Options"),
        "ipv6": network.get("EnableIPv6"),
        "labels": LABELS.decode(network.get("Labels")),
        "options": network.get("Options"),
    }


def _inspect(call: Call, network_id: str) -> dict[str, Any] | None:
    from docker.errors import NotFound

    with failing_as(f"network `{network_id}` could not be looked up"):
        try:
            return dict(call.engine.client.inspect_network(network_id))
        except NotFound:
            return None


def _of_name(call: Call, name: str) -> dict[str, Any] | None:
    with failing_as(f"network `{name}` could not be looked up"):
        for network in call.engine.client.networks(names=[name]):
            if network["Name"] == name:
                return _inspect(call, network["Id"])
    return None
