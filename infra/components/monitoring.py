"""Monitoring: Prometheus, Alertmanager and the exporters, in one container. Only where the setting `monitoring` is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import MONITORING
from infra.components.container import Deployed, Deployment, ServiceArgs, data_volume, image
from infra.components.monitoring_container import DATA, NOBODY, describe

SERVICE = MONITORING.name


@dataclass(frozen=True, slots=True)
class MonitoringArgs(ServiceArgs):
    """`postgres_login` (name and password) and `redis_password` are account monitor's, known once the servers take them."""

    postgres_login: tuple[pulumi.Output[str], pulumi.Output[str]]
    redis_password: pulumi.Output[str]


class Monitoring(pulumi.ComponentResource):
    """`container` runs, and Prometheus and Alertmanager are ready."""

    container: docker.Container
    declared: dict[str, Any]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Monitoring", name, {}, opts)
        placement, credentials = args.placement, args.credentials
        data = data_volume(placement, DATA, self)
        own = placement.settings.alertmanager
        described = describe(
            placement.limits(SERVICE),
            placement.stack,
            alertmanager=pulumi.Output.secret(own.get_secret_value()) if own else NOBODY,
            web_password=credentials.monitoring or "",
            postgres_login=args.postgres_login,
            redis_password=args.redis_password,
        )
        deployment = Deployment(
            placement=placement,
            network=args.network,
            pki=args.pki,
            volumes={DATA: data.name},
            published=[(args.port, MONITORING.ports["prometheus"])],
        )
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container, self.declared = deployed.container, deployed.declared
        # Passwords and certificates are read at the start alone.
        deployed.reload({"restart": True})
        self.register_outputs({"container": self.container.name})
