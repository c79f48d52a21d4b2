"""A migration's rehearsal: what the backup room restores beside is what the migrations room tries itself on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.errors import PlatformError

if TYPE_CHECKING:
    from core.progress import Progress
    from infra.connections import Platform
    from migrations.rehearsal import Rehearsal


def rehearse(platform: Platform, revision: str, progress: Progress) -> Rehearsal:
    """Restore the newest backup of PostgreSQL beside the live one, migrate it, report what that did, and remove it again.

    Raises PlatformError where there is no backup, or the migration fails.
    """
    from backup.restore import remove, restore
    from migrations import rehearsal

    name = f"rehearsal-{secrets.token_hex(3)}"
    try:
        progress.status("restoring the newest backup beside")
        restored = restore(platform, stores=["postgres"], into=name, progress=progress)
        return rehearsal.rehearse(beside(platform, Path(restored.connections)), revision, progress)
    finally:
        # If the restore failed there may be nothing to remove, and its own error must be shown.
        with contextlib.suppress(PlatformError):
            remove(name)


def beside(platform: Platform, connections: Path) -> Platform:
    """The restored platform: the same accounts at the address in the file `connections`."""
    from infra.connections import Endpoint

    known = json.loads(connections.read_text("utf-8"))
    address = urlsplit(next(account["DATABASE_URL"] for account in known["accounts"].values() if "DATABASE_URL" in account))
    host, port = str(address.hostname), address.port or 5432
    return dataclasses.replace(
        platform, endpoints={"postgres": Endpoint(host, port, host, port)}, ca_file=Path(known["ca_file"]), containers=known["containers"]
    )
