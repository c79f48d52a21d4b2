"""The embedder: OpenAI's embeddings API with a bundled model, for stacks without a vendor's key."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import EMBEDDER
from infra.components.container import Deployed, Deployment, ServiceArgs, image
from infra.components.embedder_container import describe

SERVICE = EMBEDDER.name


class Embedder(pulumi.ComponentResource):
    """`container` runs and has loaded its model."""

    container: docker.Container

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Embedder", name, {}, opts)
        placement = args.placement
        described = describe(placement.limits(SERVICE), token=args.credentials.embedder)
        deployment = Deployment(placement=placement, network=args.network, pki=args.pki, published=[(args.port, EMBEDDER.ports["https"])])
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container = deployed.container
        deployed.reload({"signal": "SIGHUP"})
        self.register_outputs({"container": self.container.name})
