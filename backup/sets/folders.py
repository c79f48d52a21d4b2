"""The folder of sets and its content. A folder with a manifest is a set; one without was left by an interrupted run."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from backup.sets.model import FORMAT, Manifest, SetKind
from backup.storage.places import MissingError, Place
from core.disk import sync_folder, sync_tree, write_whole
from core.errors import PlatformError
from infra.connections import LOCAL, stack_name

MANIFEST = "manifest.json"
_ID = re.compile(r"\d{8}-\d{6}-(full|incremental)-[0-9a-f]{4}")


def folder_of(stack: str | None = None) -> Path:
    """The folder of a stack's sets, in the clone's local files."""
    return LOCAL / "backups" / stack_name(stack)


def new_id(kind: SetKind, now: datetime | None = None) -> str:
    """An id for a new set: sorts by time, is unique, and is a valid name in every store."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{kind}-{secrets.token_hex(2)}"


def is_id(name: str) -> bool:
    """Whether a name has the form of a set's id."""
    return _ID.fullmatch(name) is not None


def list_sets(stack: str | None = None, *, folder: Path | None = None) -> list[Manifest]:
    """The sets, oldest first. Nothing is verified.

    Raises PlatformError if a manifest can't be read.
    """
    folder = folder or folder_of(stack)
    if not folder.is_dir():
        return []
    manifests = []
    for path in folder.glob(f"*/{MANIFEST}"):
        try:
            manifests.append(read(path.parent))
        except PlatformError:
            if path.exists():
                raise
            # Another run has removed the set since it was listed.
    return in_order(manifests)


def in_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """The sets from the oldest to the newest."""
    return sorted(manifests, key=_age)


def _age(manifest: Manifest) -> tuple[int, datetime, str]:
    return manifest.sequence, manifest.started, manifest.id


def leftovers(folder: Path) -> list[Path]:
    """Folders of runs that did not finish: they have no manifest."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _ID.fullmatch(path.name) and not (path / MANIFEST).exists())


def read(folder: Path) -> Manifest:
    """The manifest in a set's folder.

    Raises PlatformError if it is missing or invalid.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PlatformError(
            what=f"there is no backup set {folder.name}", where=str(path), next_step="invoke backup.list shows the sets"
        ) from error
    return parse(content, folder.name, str(path))


def parse(content: bytes, name: str, where: str) -> Manifest:
    """Parse a manifest, which was stored in a folder of that name.

    Raises PlatformError if it is invalid, is of another format, or has another id.
    """
    try:
        form = int(json.loads(content)["format"])
    except (ValueError, KeyError, TypeError):
        form = FORMAT
    if form != FORMAT:
        made_by = "an earlier version of this project, before sets were encrypted" if form < FORMAT else "a later version of this project"
        raise PlatformError(
            what=f"set {name} is of format {form}, made by {made_by}; this one reads format {FORMAT}",
            where=where,
            next_step="restore it with the version that made it; move its folder away to let this version continue with a full set",
        )
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PlatformError(
            what=f"the manifest of {name} is invalid: {place + ': ' if place else ''}{first['msg']}",
            where=where,
            next_step="it was edited, cut off, or written by another version; use another set",
        ) from None
    if manifest.id != name:
        raise PlatformError(
            what=f"the manifest in {name} has the id {manifest.id}", where=where, next_step="a set must keep its folder's name"
        )
    return manifest


def list_at(place: Place) -> list[Manifest]:
    """The sets at another place, oldest first. Nothing is verified.

    Raises PlatformError if the place or a manifest can't be read.
    """
    paths = sorted(path for path in place.sizes() if path.endswith(f"/{MANIFEST}") and is_id(path.split("/")[0]))
    manifests = []
    for path in paths:
        with contextlib.suppress(MissingError):  # another run has removed the set since it was listed
            manifests.append(parse(b"".join(place.read(path)), path.split("/")[0], f"{place.where}/{path}"))
    return in_order(manifests)


def find(set_id: str | None, stack: str | None = None, *, folder: Path | None = None) -> Manifest:
    """The set with that id or beginning of an id; the newest one by default.

    Raises PlatformError if there is none, or more than one.
    """
    folder = folder or folder_of(stack)
    return choose(list_sets(folder=folder), set_id, folder)


def choose(every: Sequence[Manifest], set_id: str | None, folder: Path) -> Manifest:
    """The same among sets already read, oldest first."""
    if set_id is None and every:
        return every[-1]
    matching = [manifest for manifest in every if set_id is not None and manifest.id.startswith(set_id)]
    if len(matching) == 1:
        return matching[0]
    problem = f"{len(matching)} sets begin with {set_id}" if matching else f"there is no backup set {set_id or ''}".rstrip()
    raise PlatformError(what=problem, where=str(folder), next_step="invoke backup.list shows the sets; invoke backup makes one")


def publish(folder: Path, manifest: Manifest) -> None:
    """Turn a folder of files into a set: sync everything to disk, then write the manifest, whole or not at all."""
    target = folder / manifest.id
    sync_tree(target)
    write_whole(target / MANIFEST, render(manifest))
    sync_folder(folder)


def render(manifest: Manifest) -> bytes:
    """The bytes of the manifest's file."""
    return manifest.model_dump_json(indent=2).encode() + b"\n"


def discard(target: Path) -> None:
    """Remove a set's folder or an interrupted run's; the manifest first, so that half a set never counts."""
    (target / MANIFEST).unlink(missing_ok=True)
    sync_folder(target)
    shutil.rmtree(target)
