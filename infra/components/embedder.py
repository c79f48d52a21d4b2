"""The embedder: OpenAI's embeddings API with a bundled model, for stacks without a vendor's key."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import EMBEDDER
from infra.components.container import Deployed, Deployment, ServiceArgs, image
from infra.components.embedder_container import LOAD, describe

SERVICE = EMBEDDER.name


class Embedder(pulumi.ComponentResource):
    """`container` runs and has loaded its model. `key` is the newest, once it is taken."""

    container: docker.Container
    declared: dict[str, Any]
    key: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Embedder", name, {}, opts)
        placement, keys = args.placement, args.credentials.embedder
        described = describe(
            placement.limits(SERVICE),
            tokens=pulumi.Output.all(keys.newest, keys.former).apply(lambda several: "\n".join(filter(None, several))),
        )
        deployment = Deployment(placement=placement, network=args.network, pki=args.pki, published=[(args.port, EMBEDDER.ports["https"])])
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container, self.declared = deployed.container, deployed.declared
        loaded = deployed.reload(LOAD)
        self.key = pulumi.Output.all(keys.newest, loaded.taken_up).apply(lambda known: str(known[0]))
        self.register_outputs({"container": self.container.name})
