"""Bringing back: if the first place is lost, a copy becomes the first place again, with sets and PostgreSQL's repository.

A restore then works as usual: the WAL, the later sets and their chains are all in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from backup.postgres import pgbackrest
from backup.restoring.journal import Journal, begin_bringing_back, brought_back_in_part, end_bringing_back
from backup.sets import folders, keys
from backup.sets.model import Manifest
from backup.storage import mirror
from backup.storage.opening import open_place
from backup.storage.places import Place
from backup.storage.repository import PlaceRepository
from backup.storage.sources import Source, source_of
from core import lock
from core.container_commands import execute
from core.container_files import FileToPut, owner_of, put_files
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import helper
from core.progress import Progress
from core.streams import StreamedFile, proven
from infra.backup_places import FIRST
from infra.components.pgbackrest_config import REPOSITORY_FOLDER, REPOSITORY_PATH
from infra.connections import Platform

_ASIDE = "not-in-the-copy"


def is_lost(platform: Platform, folder: Path) -> bool:
    """Whether the first place can't serve a restore: it has no set, not the physical backup of its newest, or half a copy.

    Raises PlatformError if a bucket can't be read: that is no loss.
    """
    if brought_back_in_part(folder):
        return True
    every = [manifest.postgres for manifest in mirror.sets_at(platform, folder) if manifest.postgres]
    return not every or not _has(source_of(platform, folder), platform.containers["timescaledb"], pgbackrest.backup_path(every[-1].label))


def _has(first: Source, container: str, path: str) -> bool:
    """Whether the repository has a backup. A volume is read through the engine: the server may be down."""
    if first.volume is None:
        return bool(first.repository.sizes([path]))
    from docker.errors import NotFound

    try:
        server = docker_client().containers.get(container)
    except NotFound:
        return True  # unknown; the restore itself reports the missing container
    try:
        docker_client().api.get_archive(str(server.id), f"{REPOSITORY_PATH}/{path}/backup.manifest")[0].close()
    except NotFound:
        return False
    return True


def choose(platform: Platform, folder: Path, copy: str, stores: Sequence[str] | None = None) -> str:
    """The copy to bring back: the named one, else that with the newest set; "" if the first place can serve.

    Raises PlatformError if a copy was named although the first place is sound, or if it is lost and no copy has a set.
    """
    named = copy not in ("", FIRST)
    known = platform.backup.copies
    if not named and (begun := brought_back_in_part(folder)) in known:
        return begun  # whatever is restored: the newest set here is not the newest that there is
    some = bool(mirror.sets_at(platform, folder))
    if Journal(folder).read() or (not named and some and (not known or (stores and "postgres" not in stores))):
        return ""
    if not is_lost(platform, folder):
        if not named:
            return ""
        raise PlatformError(
            what="a live restore reads the first place while it has sets, since the live log continues there",
            where=f"--live --from {copy}",
            next_step="leave out --from; or leave out --live to restore the copy beside the live stores",
        )
    if named:
        source_of(platform, folder, copy)  # raises for an unknown name
        return copy
    newest, failures = _newest(platform, folder)
    if newest:
        return max(newest, key=lambda name: (newest[name].sequence, newest[name].started))
    if some:
        return ""
    reasons = "; ".join(failures) or (f"copies without a set: {', '.join(known)}" if known else "the settings name no copy")
    raise PlatformError(
        what=f"there is nothing to restore from: neither the first place nor a copy has a set ({reasons})",
        where=source_of(platform, folder).where,
        next_step="check that the copy is mounted or the bucket is reachable: christmas:backup in the settings says where they are",
    )


def _newest(platform: Platform, folder: Path) -> tuple[dict[str, Manifest], list[str]]:
    """The newest set of each copy that has one, and the errors of unreadable copies."""
    newest: dict[str, Manifest] = {}
    failures = []
    for name in platform.backup.copies:
        try:
            if every := folders.list_at(source_of(platform, folder, name).sets):
                newest[name] = every[-1]
        except PlatformError as error:
            failures.append(f"{name}: {error.what}")
    return newest, failures


def bring_back(platform: Platform, folder: Path, name: str, progress: Progress) -> None:
    """Make the named copy the content of the first place. Call it again to continue after an interruption.

    Sets that only the first place had are put aside. Raises PlatformError if a file of the copy does not match its manifest, or
    either side fails.
    """
    copy, first = source_of(platform, folder, name), source_of(platform, folder)
    every = folders.list_at(copy.sets)
    if not every:
        raise PlatformError(what=f"copy {name} has no set", where=copy.where, next_step="check that it is the right folder, and mounted")
    if strange := [manifest.id for manifest in every if not keys.is_signed(manifest, keys.repository_passphrase(platform))]:
        raise PlatformError(
            what=f"copy {name} has sets signed with another stack's keys, or changed since: {', '.join(strange)}",
            where=copy.where,
            next_step="bring the stack up from the kit of this copy; or remove those sets if nobody needs them",
        )
    with lock.hold(folder, f"bringing copy {name} back"):
        begin_bringing_back(folder, name)
        _put_aside(folder, {manifest.id for manifest in every})
        progress.log(f"the first place is lost: bringing {len(every)} sets back from copy {name} ({copy.where})")
        known = {record.path: record.sha256 for manifest in every for record in manifest.files if record.place == "pgbackrest"}
        _repository(platform, copy, first, known, progress)
        target = first.sets
        for at, manifest in enumerate(every):
            progress.status(f"bringing back set {at + 1} of {len(every)}")
            for record in manifest.files:
                if record.place == "set":
                    path = f"{manifest.id}/{record.stored}"
                    target.write(path, _proven(copy, copy.sets, path, record.sha256), record.size)
            # Also here: the folder mirrors a bucket's manifests.
            target.write(f"{manifest.id}/{folders.MANIFEST}", folders.render(manifest))
        end_bringing_back(folder)


def _put_aside(folder: Path, staying: set[str]) -> None:
    for path in folder.iterdir():
        if folders.is_id(path.name) and path.name not in staying:
            (folder / _ASIDE).mkdir(exist_ok=True, mode=0o700)
            path.rename(folder / _ASIDE / path.name)


def _repository(platform: Platform, copy: Source, first: Source, known: dict[str, str], progress: Progress) -> None:
    settings = platform.backup.copies[copy.name]
    place = open_place(settings).below(REPOSITORY_FOLDER)
    sizes = place.sizes()
    progress.status(f"bringing back {round(sum(sizes.values()) / 1e6)} MB of PostgreSQL's repository")
    sources = {path: _proven(copy, place, path, known.get(path)) for path in sorted(sizes)}
    if isinstance(first.repository, PlaceRepository):
        for path, source in sources.items():
            first.repository.place.write(path, source, sizes[path])
        return
    container: Any = docker_client().containers.get(platform.containers["timescaledb"])
    # A new server's files there are useless: it has no backups of its own, and the index would be of the wrong database.
    if container.status != "running":
        raise PlatformError(
            what="its repository can't be emptied while it is down",
            where=f"container {container.name}",
            next_step="invoke up, then this again",
        )
    execute(str(container.name), ["find", REPOSITORY_PATH, "-mindepth", "1", "-delete"], user=pgbackrest.USER)
    entries = [FileToPut(path, StreamedFile(path, sizes[path], place.where, source)) for path, source in sources.items()]
    with helper(container.attrs["Image"], "repository", volumes={str(first.volume): REPOSITORY_PATH}) as helper_container:
        put_files(helper_container, REPOSITORY_PATH, entries, **owner_of(container.attrs["Config"]["User"]))


def _proven(copy: Source, place: Place, path: str, sha256: str | None) -> Callable[[], Iterator[bytes]]:
    """A file of the copy as a function of pieces, checked against its hash: the last piece is held back until it matches."""
    changed = PlatformError(
        what=f"{path} has changed: its SHA-256 differs",
        where=f"copy {copy.name}: {copy.where}",
        next_step="bring back another copy (--from); invoke backup.verify --place names all damage",
    )
    return lambda: proven(place.read(path), sha256, changed)
