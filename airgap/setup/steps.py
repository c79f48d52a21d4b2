"""What makes a machine ready, step by step. A step imports what it needs when it runs, so that the list itself costs nothing."""

from __future__ import annotations

from airgap.setup.runner import Progress, Step


def machine_steps() -> list[Step]:
    """Return the steps that make a machine ready: nothing of a stack is touched."""
    return [
        Step("Docker engine", "the three stores run in containers", run=_ensure_engine, done=_engine_is_ready),
        Step("Pulumi CLI", "it provisions the platform", run=_ensure_pulumi, done=_pulumi_is_ready),
        Step("images", "each store has an image of its own", run=_ensure_images, done=_images_are_ready),
    ]


def _engine_is_ready() -> bool:
    from airgap.setup.docker_engine import engine_is_ready

    return engine_is_ready()


def _ensure_engine(progress: Progress) -> str:
    from airgap.setup.docker_engine import ensure_engine

    return f"version {ensure_engine(progress)}"


def _pulumi_is_ready() -> bool:
    from airgap.toolchain.cli import pulumi_is_ready

    return pulumi_is_ready()


def _ensure_pulumi(progress: Progress) -> str:
    from airgap.toolchain.cli import ensure_pulumi

    return str(ensure_pulumi(progress))


def _images_are_ready() -> bool:
    from airgap.images.build import missing_images

    return not missing_images()


def _ensure_images(progress: Progress) -> str:
    from airgap.images.build import ensure_images

    return f"{len(ensure_images(progress=progress))} images"
