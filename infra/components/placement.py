"""Names, labels, images and limits of one stack: defined only here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from airgap.images.catalog import image_reference
from christmas.blueprint.model import Limits, Service
from christmas.blueprint.services import MONITORING, SERVICES, service
from core.labels import PROJECT_LABEL, SERVICE_LABEL, STACK_LABEL
from infra.settings import ImageSource, Settings


@dataclass(frozen=True, slots=True)
class Placement:
    """The location of a stack's parts. Today one Docker host; later several, each with its own placement."""

    project: str
    stack: str
    settings: Settings

    def name(self, part: str) -> str:
        """Name of a container, network or volume: `christmas-dev-redis`."""
        return f"{self.project}-{self.stack}-{part}"

    def labels(self, part: str) -> dict[str, str]:
        """Labels that find everything of a stack again, also a killed run's remains."""
        return {PROJECT_LABEL: self.project, STACK_LABEL: self.stack, SERVICE_LABEL: part}

    @property
    def services(self) -> tuple[Service, ...]:
        """The services of this stack."""
        return (*SERVICES, *((MONITORING,) if self.settings.monitoring else ()))

    def is_upstream(self, part: str) -> bool:
        """Whether a service runs a foreign image."""
        return self.settings.images is ImageSource.UPSTREAM and part in self.settings.upstream

    def image(self, part: str) -> str:
        """Reference of a service's image."""
        if self.is_upstream(part):
            return self.settings.upstream[part].reference
        return image_reference(part)

    def user(self, part: str) -> str:
        """The `uid:gid` of a service and of its files."""
        if self.is_upstream(part):
            return self.settings.upstream[part].user
        return service(part).user

    def owner(self, part: str) -> tuple[int, int]:
        """The user as numbers: uid and gid."""
        uid, gid = self.user(part).split(":")
        return int(uid), int(gid)

    def limits(self, part: str) -> Limits:
        """The blueprint's limits, overridden by the stack's own."""
        limits = service(part).limits
        override = self.settings.limits.get(part)
        if override is None:
            return limits
        return replace(limits, memory_mib=override.memory_mib or limits.memory_mib, cpus=override.cpus or limits.cpus)


def labels(placement: Placement, part: str) -> list[Any]:
    """Labels as the resources of Docker take them."""
    return [{"label": key, "value": value} for key, value in placement.labels(part).items()]
