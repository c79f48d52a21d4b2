"""A described container as Pulumi resources: files and container, hardened, limited, with a health check, and able to stop cleanly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.services import service as blueprint_service
from core.labels import SETTINGS_LABEL
from infra.components.credentials import Credentials
from infra.components.description import HEALTH_EVERY, HEALTH_SECONDS, HEALTH_TRIES, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY
from infra.components.network import PlatformNetwork
from infra.components.pki import Pki
from infra.components.placement import Placement, labels
from infra.provider.config_files import ConfigFiles
from infra.provider.reloads import Reload
from infra.provider.volume_owner import VolumeOwner


@dataclass(frozen=True, slots=True)
class ServiceArgs:
    """A service's dependencies, and the host port that publishes it."""

    placement: Placement
    network: PlatformNetwork
    pki: Pki
    credentials: Credentials
    port: pulumi.Input[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where a described container runs. `volumes` has the name of each part that it mounts; `published` maps host ports to ports inside.

    `after` is what must be there before the container is made.
    """

    placement: Placement
    network: PlatformNetwork
    pki: Pki
    volumes: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    published: Sequence[tuple[pulumi.Input[int], int]] = ()
    after: Sequence[pulumi.Resource] = ()


def data_volume(placement: Placement, part: str, parent: pulumi.Resource) -> docker.Volume:
    """A data volume: `destroy` leaves it, and the next `up` finds it again by its name."""
    return docker.Volume(
        part,
        name=placement.name(part),
        labels=labels(placement, part),
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=True),
    )


def image(placement: Placement, service: str, parent: pulumi.Resource) -> docker.RemoteImage:
    """A service's image; it stays on the host when the stack is destroyed."""
    return docker.RemoteImage(
        f"{service}-image", name=placement.image(service), keep_locally=True, opts=pulumi.ResourceOptions(parent=parent)
    )


class Deployed:
    """A service's files in a volume of their own, and the container that reads them. `declared` is what Docker was told of it."""

    container: docker.Container
    declared: dict[str, Any]

    def __init__(
        self, described: ServiceContainer[Any], deployment: Deployment, service_image: docker.RemoteImage, parent: pulumi.Resource
    ) -> None:
        self._described, self._deployment, self._parent = described, deployment, parent
        placement, part = deployment.placement, f"{described.service}-config"
        uid, gid = placement.owner(described.service)
        # New with every stack.
        volume = docker.Volume(part, name=placement.name(part), labels=labels(placement, part), opts=self._child())
        self._files = ConfigFiles(
            part,
            volume=volume.name,
            image=service_image.image_id,
            uid=uid,
            gid=gid,
            files={**deployment.pki.files(blueprint_service(described.service)), **described.files},
            read_anew=list(described.read_anew) or None,
            opts=self._child(),
        )
        self.declared = self._properties(volume, service_image)
        self.container = self._container(service_image)

    def reload(self, action: Mapping[str, Any], *, depends_on: Sequence[pulumi.Resource] = ()) -> Reload:
        """Have the service load changed files, by `action`."""
        return Reload(
            f"{self._described.service}-reload",
            container=self.container.name,
            server=self.container.id,
            written_at=self._files.written_at,
            action=dict(action),
            opts=self._child(*depends_on),
        )

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self._parent, depends_on=list(depends_on) or None)

    def _properties(self, config: docker.Volume, service_image: docker.RemoteImage) -> dict[str, Any]:
        """The policy pack checks them before the container is made, `check` as long as it runs."""
        described, deployment, placement = self._described, self._deployment, self._deployment.placement
        service, limits = described.service, described.limits
        mounts = [
            {"volume_name": deployment.volumes[part], "container_path": path, **({"read_only": True} if fixed else {})}
            for mounted, fixed in ((described.volumes, False), (described.read_only_volumes, True))
            for path, part in mounted.items()
        ]
        return {
            "name": placement.name(service),
            "image": service_image.image_id,
            "hostname": service,
            "entrypoints": list(described.entrypoint) or None,
            "command": list(described.command) or None,
            "envs": [f"{key}={value}" for key, value in sorted(described.environment.items())],
            "user": placement.user(service),
            "read_only": True,
            "init": True,
            "capabilities": {"drops": ["ALL"]},
            "security_opts": ["no-new-privileges:true"],
            "memory": limits.memory_mib,
            "memory_swap": limits.memory_mib,
            "cpus": f"{limits.cpus:g}",
            "shm_size": described.shm_mib,
            "ulimits": [
                {"name": name, "soft": bound, "hard": bound} for name, bound in {"nproc": limits.processes, **described.ulimits}.items()
            ],
            "restart": "unless-stopped",
            "log_driver": "json-file",
            "log_opts": {"max-size": f"{limits.log_mib}m", "max-file": str(limits.log_files)},
            "stop_signal": described.stop_signal,
            "stop_timeout": limits.stop_seconds,
            "labels": [
                *labels(placement, service),
                {"label": SETTINGS_LABEL, "value": sha256(described.settings.encode()).hexdigest()[:16]},
            ],
            "networks_advanced": deployment.network.of(blueprint_service(service)),
            "ports": [
                {"internal": inside, "external": outside, "ip": str(placement.settings.bind_address)}
                for outside, inside in deployment.published
            ],
            "volumes": [{"volume_name": config.name, "container_path": CONFIG_DIRECTORY, "read_only": True}, *mounts],
            "tmpfs": dict(described.tmpfs),
            "healthcheck": {
                "tests": list(described.health),
                "interval": HEALTH_EVERY,
                "timeout": f"{HEALTH_SECONDS}s",
                "retries": HEALTH_TRIES,
                "start_period": HEALTH_EVERY,
            },
        }

    def _container(self, service_image: docker.RemoteImage) -> docker.Container:
        return docker.Container(
            self._described.service,
            **self.declared,
            destroy_grace_seconds=self._described.limits.stop_seconds,
            wait=True,
            wait_timeout=self._described.wait_seconds,
            must_run=True,
            opts=pulumi.ResourceOptions.merge(
                self._child(self._files, *self._deployment.after, *self._owned_volumes(service_image)),
                pulumi.ResourceOptions(
                    delete_before_replace=True,
                    # Docker can't change these on a container, although the official plugin treats them as updates.
                    replace_on_changes=["healthcheck", "mounts", "tmpfs", "init"],
                ),
            ),
        )

    def _owned_volumes(self, service_image: docker.RemoteImage) -> list[pulumi.Resource]:
        """Change the owner of the data volumes to the service's user for foreign images: our own have directories with the right owner."""
        placement, service = self._deployment.placement, self._described.service
        if not placement.is_upstream(service):
            return []
        uid, gid = placement.owner(service)
        return [
            VolumeOwner(f"{service}-owner-{number}", volume=volume, image=service_image.image_id, uid=uid, gid=gid, opts=self._child())
            for number, volume in enumerate(self._deployment.volumes[part] for part in self._described.volumes.values())
        ]
