"""The embedder: OpenAI's embeddings API with a bundled model, for stacks without a vendor's key."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import EMBEDDER
from infra.components.container import ServiceContainerArgs, config_volume, image, service_container
from infra.components.credentials import Credentials
from infra.components.network import PlatformNetwork
from infra.components.pki import Pki
from infra.components.placement import Placement
from infra.provider.resources import ConfigFiles, Reload

SERVICE = EMBEDDER.name


@dataclass(frozen=True, slots=True)
class EmbedderArgs:
    """The server's dependencies, and the host port that publishes it."""

    placement: Placement
    network: PlatformNetwork
    pki: Pki
    credentials: Credentials
    port: pulumi.Input[int]


class Embedder(pulumi.ComponentResource):
    """`container` runs and has loaded its model."""

    container: docker.Container

    def __init__(self, name: str, args: EmbedderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Embedder", name, {}, opts)
        placement = args.placement
        service_image = image(placement, SERVICE, self)
        config = config_volume(placement, SERVICE, self)
        uid, gid = placement.owner(SERVICE)
        files = ConfigFiles(
            f"{SERVICE}-config",
            volume=config.name,
            image=service_image.image_id,
            uid=uid,
            gid=gid,
            files={**args.pki.files(SERVICE), "api.key": args.credentials.embedder},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.container = service_container(
            ServiceContainerArgs(
                placement=placement,
                network=args.network,
                service=SERVICE,
                command=[],
                config_volume=config.name,
                volumes={},
                tmpfs={"/tmp": f"rw,noexec,nosuid,nodev,size={placement.limits(SERVICE).tmpfs_mib}m,mode=1777"},  # noqa: S108
                health=["CMD", "python3", "-I", "-S", "/opt/embedder/embedder_server/health.py"],
                published=[(args.port, EMBEDDER.ports["https"])],
                wait_seconds=60,
            ),
            service_image,
            pulumi.ResourceOptions(parent=self, depends_on=[files]),
        )
        Reload(
            f"{SERVICE}-reload",
            container=self.container.name,
            server=self.container.id,
            written_at=files.written_at,
            action={"signal": "SIGHUP"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.container.name})
