"""The images' names. A tag has a hash of everything in the image, so that a changed Dockerfile shows in `pulumi preview`.

Standard library only; reads a dozen small files and needs no Docker engine.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from airgap.images.versions import DEBIAN_SUITE, IMAGES, OPTIONAL, REFRESHED

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
EXAMPLES = {"trading_desk": ("christmas", "requirements/trading-desk.txt")}
"""Images whose source is in `examples/`, each with the parts of the project that are put into it besides."""

REPOSITORY = os.environ.get("CHRISTMAS_IMAGES") or "christmas"
"""The prefix of the images' names. CHRISTMAS_IMAGES sets another, for a run that must not find an earlier run's images."""

UPSTREAM_BASE = f"debian:{DEBIAN_SUITE}-slim"
BASE_IMAGE = UPSTREAM_BASE if REPOSITORY == "christmas" else f"{REPOSITORY}/{UPSTREAM_BASE}"
"""The engine's name of the base image."""

SERVICES: tuple[str, ...] = tuple(service for service in IMAGES if service not in OPTIONAL)
"""The services of every stack with an image here, the quickest to build first."""

KNOWN: tuple[str, ...] = tuple(IMAGES)
"""Those of some stacks, too."""

_HASH_DIGITS = 12


def image_reference(service: str) -> str:
    """Return e.g. `christmas/redis:8.0-1f0c2d3e4a5b`; KeyError for a service without an image here."""
    return f"{REPOSITORY}/{service}:{IMAGES[service].tag}-{inputs_hash(service)}"


def build_command(service: str) -> str:
    """Return the command that builds that service's image, for messages about a missing one."""
    return f"python -m airgap.images.build {service}"


def inputs_hash(service: str, folder: Path = FOLDER) -> str:
    """Return twelve hexadecimal digits over the service's files below `folder`, its versions and its base."""
    versions = IMAGES[service]
    digest = hashlib.sha256()
    for part in (UPSTREAM_BASE, REFRESHED, *(f"{name}={value}" for name, value in sorted(versions.arguments.items())), *versions.pins):
        _add(digest, part.encode())
    own, besides = source_folder(service, folder), [ROOT / part for part in EXAMPLES.get(service, ())]
    for top, path in [(own, path) for path in context_files(service, folder)] + [(ROOT, path) for part in besides for path in _files(part)]:
        _add(digest, path.relative_to(top).as_posix().encode())
        # Docker copies only the execute permission, and a clone keeps nothing else of the mode.
        _add(digest, b"x" if path.stat().st_mode & 0o100 else b"-")
        _add(digest, path.read_bytes())
    return digest.hexdigest()[:_HASH_DIGITS]


def context_files(service: str, folder: Path = FOLDER) -> list[Path]:
    """Return the files that the service's Dockerfile may copy, including itself, in a fixed order."""
    return _files(source_folder(service, folder))


def source_folder(service: str, folder: Path = FOLDER) -> Path:
    """Return the folder of a service's Dockerfile: one below `folder`, or an example's own."""
    return ROOT / "examples" / service if service in EXAMPLES else folder / service


def _files(top: Path) -> list[Path]:
    """Return a file, or the files in a folder."""
    return sorted(filter(_belongs, (top, *top.rglob("*"))))


def _belongs(path: Path) -> bool:
    return path.is_file() and path.parent.name != "__pycache__" and path.suffix not in {".pyc", ".md"} and not path.name.startswith(".")


def _add(digest: hashlib._Hash, part: bytes) -> None:
    # The length separates two neighbouring parts: otherwise another pair could have the same bytes.
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
