"""Monitoring: Prometheus, Alertmanager and the exporters, in one container. Only where the setting `monitoring` is on."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import MONITORING
from infra.components.container import ServiceContainerArgs, config_volume, data_volume, image, service_container
from infra.components.credentials import Credentials
from infra.components.monitoring_config import DATA_PATH, NOBODY, prometheus_yml, rule_files
from infra.components.network import PlatformNetwork
from infra.components.pki import Pki
from infra.components.placement import Placement
from infra.provider.resources import ConfigFiles, Reload

SERVICE = MONITORING.name


@dataclass(frozen=True, slots=True)
class MonitoringArgs:
    """What it logs in with, and the host port that publishes Prometheus.

    `postgres_login` (name and password) and `redis_password` are account monitor's, known once the servers take them.
    """

    placement: Placement
    network: PlatformNetwork
    pki: Pki
    credentials: Credentials
    postgres_login: tuple[pulumi.Output[str], pulumi.Output[str]]
    redis_password: pulumi.Output[str]
    port: pulumi.Input[int]


class Monitoring(pulumi.ComponentResource):
    """`container` runs, and Prometheus and Alertmanager are ready."""

    container: docker.Container

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Monitoring", name, {}, opts)
        placement, credentials = args.placement, args.credentials
        service_image = image(placement, SERVICE, self)
        data = data_volume(placement, f"{SERVICE}-data", self)
        config = config_volume(placement, SERVICE, self)
        uid, gid = placement.owner(SERVICE)
        own = placement.settings.alertmanager
        files = ConfigFiles(
            f"{SERVICE}-config",
            volume=config.name,
            image=service_image.image_id,
            uid=uid,
            gid=gid,
            files={
                **args.pki.files(SERVICE),
                "prometheus.yml": prometheus_yml(placement.stack),
                "alertmanager.yml": pulumi.Output.secret(own.get_secret_value()) if own else NOBODY,
                **{f"rules/{file}": text for file, text in rule_files().items()},
                "web.password": credentials.monitoring or "",
                "postgres.login": args.postgres_login[0],
                "postgres.password": args.postgres_login[1],
                "redis.password": args.redis_password,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.container = service_container(
            ServiceContainerArgs(
                placement=placement,
                network=args.network,
                service=SERVICE,
                command=[],
                config_volume=config.name,
                volumes={DATA_PATH: data.name},
                tmpfs={"/tmp": f"rw,noexec,nosuid,nodev,size={placement.limits(SERVICE).tmpfs_mib}m,mode=1777"},  # noqa: S108
                health=["CMD", "healthy.sh"],
                published=[(args.port, MONITORING.ports["prometheus"])],
                wait_seconds=120,
            ),
            service_image,
            pulumi.ResourceOptions(parent=self, depends_on=[files]),
        )
        # Passwords and certificates are read at the start alone.
        Reload(
            f"{SERVICE}-reload",
            container=self.container.name,
            server=self.container.id,
            written_at=files.written_at,
            action={"restart": True},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.container.name})
