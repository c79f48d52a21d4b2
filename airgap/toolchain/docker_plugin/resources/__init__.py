"""Create, read, update and delete for each type of resource."""

from __future__ import annotations

from airgap.toolchain.docker_plugin.resources.base import Resource
from airgap.toolchain.docker_plugin.resources.container import Container
from airgap.toolchain.docker_plugin.resources.image import RemoteImage
from airgap.toolchain.docker_plugin.resources.network import Network
from airgap.toolchain.docker_plugin.resources.volume import Volume

RESOURCES: dict[str, Resource] = {resource.type: resource for resource in (Network(), Volume(), RemoteImage(), Container())}
"""By Pulumi's type."""
