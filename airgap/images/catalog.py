"""The images' names. A tag carries a hash of all that the image is made of, so that a changed Dockerfile shows in `pulumi preview`.

Standard library only, reads a dozen small files and asks no Docker engine.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from airgap.images.versions import DEBIAN_SUITE, IMAGES, REFRESHED

FOLDER = Path(__file__).parent
REPOSITORY = os.environ.get("CHRISTMAS_IMAGES") or "christmas"
"""What the images' names begin with. CHRISTMAS_IMAGES names another, for a run that must not find images of an earlier one."""

UPSTREAM_BASE = f"debian:{DEBIAN_SUITE}-slim"
BASE_IMAGE = UPSTREAM_BASE if REPOSITORY == "christmas" else f"{REPOSITORY}/{UPSTREAM_BASE}"
"""The engine's name of the base image."""

SERVICES: tuple[str, ...] = tuple(IMAGES)
"""The services that have an image here, the quickest to build first."""

_HASH_DIGITS = 12


def image_reference(service: str) -> str:
    """Return e.g. `christmas/redis:8.0-1f0c2d3e4a5b`; KeyError for a service that has no image here."""
    return f"{REPOSITORY}/{service}:{IMAGES[service].tag}-{inputs_hash(service)}"


def build_command(service: str) -> str:
    """Return the command that builds that service's image, for messages that name a missing one."""
    return f"python -m airgap.images.build {service}"


def inputs_hash(service: str, folder: Path = FOLDER) -> str:
    """Return twelve hexadecimal digits over the service's files below `folder`, its versions and its base."""
    versions = IMAGES[service]
    digest = hashlib.sha256()
    for part in (UPSTREAM_BASE, REFRESHED, *(f"{name}={value}" for name, value in sorted(versions.arguments.items())), *versions.pins):
        _add(digest, part.encode())
    for path in context_files(service, folder):
        _add(digest, path.relative_to(folder / service).as_posix().encode())
        # Docker copies the right to execute, and nothing else of the mode survives a clone.
        _add(digest, b"x" if path.stat().st_mode & 0o100 else b"-")
        _add(digest, path.read_bytes())
    return digest.hexdigest()[:_HASH_DIGITS]


def context_files(service: str, folder: Path = FOLDER) -> list[Path]:
    """Return the files that the service's Dockerfile may copy, itself included, in a fixed order."""
    return sorted(path for path in (folder / service).rglob("*") if path.is_file() and _belongs(path.relative_to(folder)))


def _belongs(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix not in {".pyc", ".md"} and not path.name.startswith(".")


def _add(digest: hashlib._Hash, part: bytes) -> None:
    # The length keeps two neighbouring parts from being taken for another pair with the same bytes.
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
