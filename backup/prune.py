"""Pruning: removes sets, physical backups, WAL and leftovers that the retention rules no longer keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup import make
from backup.postgres import pgbackrest
from backup.restoring.journal import refuse_unfinished
from backup.sets import folders, marks, retention
from backup.sets.model import Manifest
from backup.storage import copies as further
from backup.storage import mirror
from backup.weaviate import back_up as weaviate_store
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from core import lock
from core.progress import Progress, SilentProgress
from infra.connections import Platform


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed (or would be): ids of sets, labels of physical backups, Weaviate's own copies; and why each other set stays.

    `places` has the ids removed from each copy.
    """

    dry_run: bool
    removed: tuple[str, ...]
    staying: dict[str, str]
    labels: tuple[str, ...]
    copies: tuple[str, ...]
    bytes: int
    places: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The outcome for `--json`."""
        return {
            "dry_run": self.dry_run,
            "removed": list(self.removed),
            "kept": self.staying,
            "physical_backups": list(self.labels),
            "weaviate_copies": list(self.copies),
            "bytes": self.bytes,
            "places": self.places,
        }


def prune(platform: Platform, *, dry_run: bool = False, progress: Progress | None = None, folder: Path | None = None) -> Pruned:
    """Remove what the blueprint's rules no longer keep. After an interruption the next run removes the rest.

    Raises PlatformError if a manifest can't be read: then the dependencies between sets are unknown and nothing is removed. Raises it
    as well while a live restore is unfinished.
    """
    folder = folder or folders.folder_of(platform.stack)
    progress = progress or SilentProgress()
    with lock.hold(folder, "pruning"):
        # An unfinished restore may still need sets that look too old.
        refuse_unfinished(folder, owed=True)
        mirror.refresh(platform, folder)
        every = folders.list_sets(folder=folder)
        good = {set_id for set_id, mark in marks.read(folder).items() if mark.verified or mark.drilled}
        reasons = retention.keep(every, BACKUP_RULES, datetime.now(UTC), good)
        going = [manifest for manifest in every if manifest.id not in reasons]
        staying = [manifest for manifest in every if manifest.id in reasons]
        container = platform.containers["timescaledb"]
        labels = unneeded_labels(pgbackrest.info(container).backups, staying)
        copies = _unneeded_copies(platform.containers["weaviate"], staying)
        if not dry_run:
            make.clean_up(platform, folder, progress)
            for manifest in going:
                progress.status(f"removing {manifest.id}")
                # Without its manifest it is no longer a set; the next run finds what is left of it in the stores.
                mirror.discard(platform, folder, manifest.id)
            _expire(container, labels, progress)
            weaviate_store.remove_copies(platform.containers["weaviate"], copies)
            mirror.remove_abandoned(platform, folder, staying)
        places = further.prune(platform, every, good, progress, dry_run=dry_run)
    size = sum(manifest.total_bytes for manifest in going)
    return Pruned(dry_run, tuple(manifest.id for manifest in going), reasons, tuple(labels), tuple(copies), size, places)


def unneeded_labels(backups: Sequence[pgbackrest.PhysicalBackup], staying: Sequence[Manifest]) -> list[str]:
    """Physical backups that no kept set is or builds on, dependent ones first; none newer than the newest kept one.

    A newer one may belong to a set that another machine makes now, or was made by hand; the next incremental builds on it.
    """
    needed: set[str] = set()
    for manifest in staying:
        if manifest.postgres:
            needed |= {manifest.postgres.label, *manifest.postgres.references}
    newest = max((backup.finished for backup in backups if backup.label in needed), default=0)
    # Expiring a backup removes everything that builds on it, so name only those without a kept descendant.
    unneeded = []
    for backup in backups:
        offspring = {other.label for other in backups if backup.label in (other.prior, *other.references)}
        if backup.label not in needed and backup.finished < newest and not offspring & needed:
            unneeded.append(backup.label)
    return unneeded


def _expire(container: str, labels: Sequence[str], progress: Progress) -> None:
    """Expire these backups, then the WAL from before the oldest full backup left."""
    for label in labels:
        # Its parent's expiry removed it already.
        if pgbackrest.info(container).backup(label):
            progress.status(f"expiring {label}")
            pgbackrest.run(container, pgbackrest.command("expire", f"--set={label}"))
    fulls = sum(1 for backup in pgbackrest.info(container).backups if backup.kind == "full")
    if labels and fulls:
        # With the limit at the present number no backup expires, only the WAL before the oldest.
        pgbackrest.run(container, pgbackrest.command("expire", f"--repo1-retention-full={fulls}"))


def _unneeded_copies(container: str, staying: Sequence[Manifest]) -> list[str]:
    """Weaviate's own copies that the next incremental backup does not build on."""
    newest = next((manifest for manifest in reversed(staying) if manifest.weaviate and manifest.weaviate.backup_id), None)
    needed: set[str | None] = set()
    if newest and newest.weaviate:
        chain = [newest, *retention.needed_by(newest, staying)]
        needed = {other.weaviate.backup_id for other in chain if other.weaviate}
    return [copy for copy in weaviate_store.kept_copies(container) if copy not in needed and folders.is_id(weaviate_store.set_of(copy))]
