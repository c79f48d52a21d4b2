"""Image, user and limits of a service's containers, live and scratch alike."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from christmas.blueprint.model import Limits
from christmas.blueprint.services import service
from core.container_files import owner_of
from infra.connections import Platform

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass(frozen=True, slots=True)
class Base:
    """A service's image, the `uid:gid` it runs as, and its limits."""

    image: str
    user: str
    limits: Limits

    @classmethod
    def own(cls, service_name: str, image: str) -> Base:
        """For an image of this project, with the blueprint's limits."""
        declared = service(service_name)
        return cls(image, declared.user, declared.limits)

    @classmethod
    def live(cls, service_name: str, container: Container) -> Base:
        """From a live container: a stack may have more memory than the blueprint says, and data that needs it."""
        host, declared = container.attrs["HostConfig"], service(service_name).limits
        limits = dataclasses.replace(
            declared, memory_mib=host["Memory"] // (1 << 20) or declared.memory_mib, cpus=host["NanoCpus"] / 1e9 or declared.cpus
        )
        return cls(container.attrs["Image"], container.attrs["Config"]["User"], limits)

    @classmethod
    def declared(cls, service_name: str, platform: Platform) -> Base:
        """From the stack's outputs, if the container is gone; KeyError if they don't name the image."""
        own = cls.own(service_name, platform.images[service_name])
        return dataclasses.replace(own, user=platform.users.get(service_name, own.user))

    @property
    def owner(self) -> dict[str, int]:
        """The user as numbers: `uid` and `gid`."""
        return owner_of(self.user)
