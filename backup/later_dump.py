"""The logical backup that a drill makes of the server it restored and adds to its set: the live server is not read for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from backup.postgres import tables
from backup.postgres.logical import ACCOUNT, GLOBALS_PATH, LOGICAL_PATH, Dump, dump
from backup.queries import query
from backup.sets import folders, keys
from backup.sets.files import SetFolder, inside
from backup.sets.model import Manifest
from backup.sets.sealing import SUFFIX, Keyring
from backup.storage import mirror
from backup.storage.sources import source_of
from core import lock
from core.errors import PlatformError
from core.progress import Progress
from core.waiting import looks
from infra.clients import postgres
from infra.connections import Platform

_WAIT_SECONDS = 3600.0
_PAUSE_SECONDS = 1.0


def make(restored: Platform, aside: Path, keyring: Keyring) -> Dump:
    """Dump a restored server into an empty folder aside, encrypted as in a set. Nothing else may have written to the server yet.

    Raises PlatformError or psycopg.Error if it can't be asked. Failures of the dump alone are in the result.
    """
    import psycopg

    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    with postgres(restored, ACCOUNT) as holder:
        tables.be_patient(holder)
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.read_only = True
        row = holder.execute(query("snapshot")).fetchone()
        if row is None:
            raise PlatformError(what="a query that always returns a row returned none", where="the logical backup of a restored server")
        return dump(restored, SetFolder(aside, keyring), row[1], tables.list_tables(holder), holder.info.server_version)


def add(platform: Platform, folder: Path, manifest: Manifest, aside: Path, complete_dump: Dump, progress: Progress) -> None:
    """Move a complete dump into its set, and sign the set anew: with the files, in one step, or not at all.

    Waits while another run holds the sets' lock. Raises PlatformError if the set is gone or is not the one that was drilled.
    """
    for more in looks(_WAIT_SECONDS, pause=_PAUSE_SECONDS):
        try:
            with lock.hold(folder, f"adding the logical backup to {manifest.id}"):
                _add(platform, folder, manifest, aside, complete_dump, progress)
            return
        except lock.HeldError:
            if not more:
                raise


def _add(platform: Platform, folder: Path, manifest: Manifest, aside: Path, complete_dump: Dump, progress: Progress) -> None:
    mirror.refresh(platform, folder)
    part = manifest.postgres
    if part is None or folders.read(folder / manifest.id).signature != manifest.signature:
        raise PlatformError(what=f"set {manifest.id} has changed since it was drilled", where=str(folder), next_step="drill it again")
    passphrase = keys.repository_passphrase(platform)
    if not keys.is_signed(manifest, passphrase):
        raise PlatformError(what=f"the signature of {manifest.id} does not match", where=str(folder), next_step="invoke backup.verify")
    for record in complete_dump.files:
        target = inside(folder / manifest.id, record.stored)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside(aside, record.stored).replace(target)
    whole = part.model_copy(
        update={
            "files": (*part.files, *complete_dump.files),
            "unproven": (*part.unproven, *complete_dump.unproven),
            "logical": LOGICAL_PATH,
        }
    )
    signed = keys.sign(manifest.model_copy(update={"postgres": whole}), passphrase)
    mirror.publish(platform, folder, signed, progress, complete_dump.files)


def clean_up(platform: Platform, folder: Path) -> None:
    """Remove what an interrupted `_add` moved into sets that still await their logical backup. The caller holds the lock."""
    place = source_of(platform, folder).sets
    for manifest in folders.list_sets(folder=folder):
        if manifest.awaits_logical:
            names = {f"{manifest.id}/{path}{SUFFIX}" for path in (LOGICAL_PATH, GLOBALS_PATH)}
            if left := names & place.sizes(manifest.id).keys():
                place.remove(left)
