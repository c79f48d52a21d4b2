"""Where sets are read from: the first place, or a copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backup.sets.files import SetFiles
from backup.sets.model import Manifest
from backup.sets.sealing import keyring_of
from backup.storage.opening import open_place
from backup.storage.places import FolderPlace, Place
from backup.storage.repository import PlaceRepository, RepositoryFiles, VolumeRepository
from core.errors import PlatformError
from infra.backup_places import FIRST
from infra.components.pgbackrest_config import REPOSITORY_FOLDER
from infra.connections import Platform

SETS = "sets"


@dataclass(frozen=True, slots=True)
class Source:
    """A place by its name: sets are at `sets`/ID, PostgreSQL's part in `repository`, which is in a volume of ours where `volume` is set."""

    name: str
    sets: Place
    repository: RepositoryFiles
    volume: str | None

    @property
    def where(self) -> str:
        """The place in words."""
        return self.sets.where


def source_of(platform: Platform, folder: Path, name: str = "") -> Source:
    """The first place, or the copy of that name. `folder` is the stack's own one: without a bucket, sets are in it.

    Raises PlatformError for a name that the stack's settings don't have.
    """
    name = name or FIRST
    known = platform.backup
    if name == FIRST and known.place is None:
        return Source(name, FolderPlace(folder), VolumeRepository(platform.containers["timescaledb"]), platform.volumes["pgbackrest"])
    settings = known.place if name == FIRST else known.copies.get(name)
    if settings is None:
        raise PlatformError(
            what=f"there is no place {name!r}",
            where=f"the settings of stack {platform.stack}",
            next_step=f"there are: {', '.join((FIRST, *known.copies))}",
        )
    place = open_place(settings)
    return Source(name, place.below(SETS), PlaceRepository(place.below(REPOSITORY_FOLDER)), None)


def files_of(platform: Platform, source: Source, manifest: Manifest) -> SetFiles:
    """A set's own files at a place, to be read with the stack's keys."""
    return SetFiles(source.sets.below(manifest.id), manifest.id, keyring_of(platform))
