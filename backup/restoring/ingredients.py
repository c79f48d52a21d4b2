"""The inputs of scratch stores, and the times of a restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backup.restoring.bases import Base
from backup.restoring.scratch import Recipe, Scratch
from backup.sets.files import SetFiles
from backup.sets.model import Manifest
from backup.sets.sealing import Keyring, keyring_of
from backup.storage.sources import Source, source_of
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import outcome, remove
from infra.connections import Platform

_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Ingredients:
    """The inputs of scratch stores: container bases, the repository's passphrase, and the source of the sets with its keys."""

    bases: Mapping[str, Base]
    passphrase: str = field(repr=False)
    source: Source
    keyring: Keyring

    def files(self, manifest: Manifest) -> SetFiles:
        """A set's own files."""
        return SetFiles(self.source.sets.below(manifest.id), manifest.id, self.keyring)


@dataclass(frozen=True, slots=True)
class Timing:
    """The two phases of a restore, in seconds: copying files back, and the server's replay and start."""

    files: float
    start: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.files + self.start


def ingredients_of(platform: Platform, passphrase: str, folder: Path, place: str = "") -> Ingredients:
    """The bases of the live containers (or of the stack's outputs, if they are gone), and the named source.

    Raises PlatformError if a container is gone and the stack doesn't name its image.
    """
    from docker.errors import NotFound

    bases = {}
    for service, name in platform.containers.items():
        try:
            bases[service] = Base.live(service, docker_client().containers.get(name))
        except NotFound as error:
            if service not in platform.images:
                raise PlatformError(what=f"there is no container {name}", where="Docker", next_step="invoke up makes it again") from error
            bases[service] = Base.declared(service, platform)
    return Ingredients(bases, passphrase, source_of(platform, folder, place), keyring_of(platform))


def run_once(scratch_stores: Scratch, recipe: Recipe, line: Iterable[str]) -> None:
    """Run one command in a container made from the recipe, with its files and volumes, and wait for its end.

    Raises PlatformError with the command's last words if it fails.
    """
    words = list(line)
    container = scratch_stores.create(recipe.running(words))
    try:
        code = outcome(container, _SECONDS).code
        if code != 0:
            said = container.logs(tail=12).decode(errors="replace").strip()
            raise PlatformError(what=f"{words[0]} {words[-1]} failed with exit code {code}: {said}", where=f"container {container.name}")
    finally:
        remove(scratch_stores.containers.pop(recipe.service))
