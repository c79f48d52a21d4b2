"""What stands in front of Weaviate: clients of the network and of the host reach it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from christmas.blueprint.services import EMBEDDER, HAPROXY
from infra.components.container import Deployed, Deployment, ServiceArgs, image
from infra.components.haproxy_container import KEYS, KEYS_FILE, LOAD, describe, haproxy_cfg, key_line
from infra.components.placement import labels
from infra.components.weaviate_container import ROOT_USER
from infra.provider.config_files import ConfigFiles
from infra.provider.reloads import Reload

SERVICE = HAPROXY.name


class Haproxy(pulumi.ComponentResource):
    """`container` runs; `loaded` once it shows its newest certificate. It knows keys from `bind` on."""

    container: docker.Container
    declared: dict[str, Any]
    loaded: Reload

    def __init__(
        self, name: str, args: ServiceArgs, grpc_port: pulumi.Input[int], server: docker.Container, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__("christmas:infra:Haproxy", name, {}, opts)
        placement, network = args.placement, args.network
        self._placement = placement
        self._keys = docker.Volume(
            KEYS, name=placement.name(KEYS), labels=labels(placement, KEYS), opts=pulumi.ResourceOptions(parent=self)
        )
        self._image = image(placement, SERVICE, self)
        at = pulumi.Output.all(network.inner_server, network.subnet, network.gateway, network.inner_gateway, network.inner_front)
        embedder, elsewhere = placement.name(EMBEDDER.name), placement.settings.elsewhere
        described = describe(
            placement.limits(SERVICE),
            configuration=at.apply(
                lambda known: haproxy_cfg(
                    known[0], platform=[known[1], *elsewhere], host=[known[2], known[3]], embedder=(known[4], embedder)
                )
            ),
        )
        deployment = Deployment(
            placement=placement,
            network=network,
            pki=args.pki,
            volumes={KEYS: self._keys.name},
            published=[(args.port, HAPROXY.ports["https"]), (grpc_port, HAPROXY.ports["grpc"])],
            # In a former version the server had the host's ports.
            after=(server,),
        )
        deployed = Deployed(described, deployment, self._image, self)
        self.container, self.declared = deployed.container, deployed.declared
        self.loaded = deployed.reload(LOAD)
        self.register_outputs({"container": self.container.name})

    def bind(self, keys: Mapping[str, list[pulumi.Output[str]]], root: pulumi.Output[str]) -> Reload:
        """Have it know each account's keys; "" stands for one that is not there. The server's own key is for the host alone."""
        networks = {account.name: account.weaviate.networks for account in ACCOUNTS if account.weaviate} | {ROOT_USER: (Network.HOST,)}

        def line(name: str, key: pulumi.Output[str]) -> pulumi.Output[str]:
            return key.apply(lambda known: key_line(name, known, networks[name]) if known else "")

        lines = [line(name, key) for name, several in {**keys, ROOT_USER: [root]}.items() for key in several]
        uid, gid = self._placement.owner(SERVICE)
        files = ConfigFiles(
            KEYS,
            volume=self._keys.name,
            image=self._image.image_id,
            uid=uid,
            gid=gid,
            files={KEYS_FILE: pulumi.Output.concat(*lines)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return Reload(
            f"{KEYS}-reload",
            container=self.container.name,
            server=self.container.id,
            written_at=files.written_at,
            action=LOAD,
            # One after the other: the log tells of both in the same words.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.loaded]),
        )
