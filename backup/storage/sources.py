"""The source that sets are read from: the first place, or a copy."""

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
    """A named place: sets at `sets`/ID, PostgreSQL's files in `repository`; `volume` is set if that is one of our volumes."""

    name: str
    sets: Place
    repository: RepositoryFiles
    volume: str | None

    @property
    def where(self) -> str:
        """The place in words."""
        return self.sets.where


def source_of(platform: Platform, folder: Path, name: str = "") -> Source:
    """The first place, or the named copy. `folder` is the stack's own: it holds the sets if there is no bucket.

    Raises PlatformError if the stack's settings don't have that name.
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
    """A set's own files at a place, readable with the stack's keys."""
    return SetFiles(source.sets.below(manifest.id), manifest.id, keyring_of(platform))
