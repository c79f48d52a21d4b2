"""The steps that prepare a machine. They run in parallel, and import what they need only when they run, so that the list is cheap."""

from __future__ import annotations

from airgap.images.catalog import SERVICES
from core.runner import Progress, Step


def machine_steps() -> list[Step]:
    """Return the steps that prepare a machine; they touch no stack."""
    engine = Step("Docker engine", "the three stores run in containers", run=_ensure_engine, done=_engine_is_ready, beside=True)
    small = [service for service in SERVICES if service != "weaviate"]
    return [
        engine,
        Step("Pulumi CLI", "it provisions the platform", run=_ensure_pulumi, done=_pulumi_is_ready, beside=True),
        _images("images", "each of the stores and the embedder have one", small, engine),
        _images("Weaviate's image", "its server is compiled from its Go module", ["weaviate"], engine),
    ]


def _images(name: str, why: str, services: list[str], engine: Step) -> Step:
    def run(progress: Progress) -> str:
        from airgap.images.build import ensure_images

        return ", ".join(ensure_images(services, progress=progress).values())

    def done() -> bool:
        from airgap.images.build import missing_images

        return not missing_images(services)

    return Step(name, why, run=run, done=done, beside=True, after=(engine.name,))


def _engine_is_ready() -> bool:
    from airgap.setup.docker_engine import engine_is_ready

    return engine_is_ready()


def _ensure_engine(progress: Progress) -> str:
    from airgap.setup.docker_engine import ensure_engine
    from core.chosen_engine import chosen_engine

    return f"version {ensure_engine(progress)} at {chosen_engine()}"


def _pulumi_is_ready() -> bool:
    from airgap.toolchain.cli import pulumi_is_ready

    return pulumi_is_ready()


def _ensure_pulumi(progress: Progress) -> str:
    from airgap.toolchain.cli import ensure_pulumi

    return str(ensure_pulumi(progress))
