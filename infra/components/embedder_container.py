"""The embedder's container."""

from __future__ import annotations

from christmas.blueprint.model import Limits
from christmas.blueprint.services import EMBEDDER
from infra.components.description import Content, ServiceContainer

LOAD = {"signal": "SIGHUP", "said": "read again", "refused": "keeping the former"}
"""Makes it load changed files, in the form of `Reload`."""


def describe(limits: Limits, *, tokens: Content) -> ServiceContainer[Content]:
    """The bundled embedder, which answers those that show one of `tokens`, each a line."""
    return ServiceContainer(
        service=EMBEDDER.name,
        limits=limits,
        files={"api.key": tokens},
        health=["CMD", "python3", "-I", "-S", "/opt/embedder/embedder_server/health.py"],
    )
