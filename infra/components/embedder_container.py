"""The embedder's container."""

from __future__ import annotations

from christmas.blueprint.model import Limits
from christmas.blueprint.services import EMBEDDER
from infra.components.description import Content, ServiceContainer


def describe(limits: Limits, *, token: Content) -> ServiceContainer[Content]:
    """The bundled embedder, which answers those that show `token`."""
    return ServiceContainer(
        service=EMBEDDER.name,
        limits=limits,
        files={"api.key": token},
        health=["CMD", "python3", "-I", "-S", "/opt/embedder/embedder_server/health.py"],
    )
