"""The container of every service: hardened, limited, with a health check, and able to stop cleanly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import pulumi
import pulumi_docker as docker

from christmas.blueprint.model import Limits
from infra.components.names import CONFIG_DIRECTORY, SETTINGS_LABEL
from infra.components.network import PlatformNetwork
from infra.components.placement import Placement, container_labels, volume_labels
from infra.provider.resources import VolumeOwner


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContainerArgs:
    """The differences between services. `volumes` maps paths to volume names, `published` host ports to ports inside.

    `settings` is the text of settings that the service reads only at its start: a changed text replaces the container. `health_every` is
    long because each health check starts a process in the container, which costs more than an idle store. Code that waits for a
    container runs the health check itself (core.health).
    """

    placement: Placement
    network: PlatformNetwork
    service: str
    command: Sequence[str]
    config_volume: pulumi.Input[str]
    volumes: Mapping[str, pulumi.Input[str]]
    tmpfs: Mapping[str, str]
    health: Sequence[str]
    published: Sequence[tuple[pulumi.Input[int], int]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str] | None = None
    settings: str = ""
    stop_signal: str = "SIGTERM"
    shm_mib: int = 64
    health_every: str = "30s"
    start_period: str = "1m0s"  # durations in Go's form: the official plugin reads them back so, and compares texts
    wait_seconds: int = 180


def data_volume(placement: Placement, part: str, parent: pulumi.Resource) -> docker.Volume:
    """A data volume: `destroy` leaves it, and the next `up` finds it again by its name."""
    return docker.Volume(
        part,
        name=placement.name(part),
        labels=volume_labels(placement, part),
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=True),
    )


def config_volume(placement: Placement, service: str, parent: pulumi.Resource) -> docker.Volume:
    """A volume for a service's configuration and secrets; new with every stack."""
    part = f"{service}-config"
    return docker.Volume(part, name=placement.name(part), labels=volume_labels(placement, part), opts=pulumi.ResourceOptions(parent=parent))


def image(placement: Placement, service: str, parent: pulumi.Resource) -> docker.RemoteImage:
    """A service's image; it stays on the host when the stack is destroyed."""
    return docker.RemoteImage(
        f"{service}-image", name=placement.image(service), keep_locally=True, opts=pulumi.ResourceOptions(parent=parent)
    )


def service_container(args: ServiceContainerArgs, service_image: docker.RemoteImage, opts: pulumi.ResourceOptions) -> docker.Container:
    """The container of a service. The policy pack checks its properties."""
    placement, service = args.placement, args.service
    limits = placement.limits(service)
    mounts = [docker.ContainerVolumeArgs(volume_name=volume, container_path=path) for path, volume in args.volumes.items()]
    secrets = docker.ContainerVolumeArgs(volume_name=args.config_volume, container_path=CONFIG_DIRECTORY, read_only=True)
    hardened = pulumi.ResourceOptions(
        depends_on=_owned_volumes(args, service_image, opts.parent),
        delete_before_replace=True,
        # Docker can't change these on a container, although the official plugin treats them as updates.
        replace_on_changes=["healthcheck", "mounts", "tmpfs", "init"],
    )
    return docker.Container(
        service,
        name=placement.name(service),
        image=service_image.image_id,
        hostname=service,
        entrypoints=list(args.entrypoint) if args.entrypoint else None,
        command=list(args.command) or None,
        envs=[f"{key}={value}" for key, value in sorted(args.environment.items())],
        user=placement.user(service),
        read_only=True,
        init=True,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        memory=limits.memory_mib,
        memory_swap=limits.memory_mib,
        cpus=f"{limits.cpus:g}",
        shm_size=args.shm_mib,
        ulimits=[docker.ContainerUlimitArgs(name=name, soft=bound, hard=bound) for name, bound in _ulimits(limits)],
        restart="unless-stopped",
        log_driver="json-file",
        log_opts={"max-size": f"{limits.log_mib}m", "max-file": str(limits.log_files)},
        stop_signal=args.stop_signal,
        stop_timeout=limits.stop_seconds,
        destroy_grace_seconds=limits.stop_seconds,
        labels=[
            *container_labels(placement, service),
            docker.ContainerLabelArgs(label=SETTINGS_LABEL, value=sha256(args.settings.encode()).hexdigest()[:16]),
        ],
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=args.network.name, aliases=[service])],
        ports=[
            docker.ContainerPortArgs(internal=inside, external=outside, ip=str(placement.settings.bind_address))
            for outside, inside in args.published
        ],
        volumes=[secrets, *mounts],
        tmpfs=dict(args.tmpfs),
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=list(args.health), interval=args.health_every, timeout="15s", retries=4, start_period=args.start_period
        ),
        wait=True,
        wait_timeout=args.wait_seconds,
        must_run=True,
        opts=pulumi.ResourceOptions.merge(hardened, opts),
    )


def _ulimits(limits: Limits) -> list[tuple[str, int]]:
    # What a crashed server had in memory, passwords and rows, would lie in a file.
    bounds = [("nproc", limits.processes), ("core", 0)]
    return [*bounds, ("data", limits.process_mib * 1024 * 1024)] if limits.process_mib else bounds


def _owned_volumes(args: ServiceContainerArgs, service_image: docker.RemoteImage, parent: pulumi.Resource | None) -> list[pulumi.Resource]:
    """Change the owner of the data volumes to the service's user for foreign images: our own have directories with the right owner."""
    placement, service = args.placement, args.service
    if not placement.is_upstream(service):
        return []
    uid, gid = placement.owner(service)
    return [
        VolumeOwner(
            f"{service}-owner-{number}",
            volume=volume,
            image=service_image.image_id,
            uid=uid,
            gid=gid,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for number, volume in enumerate(args.volumes.values())
    ]
