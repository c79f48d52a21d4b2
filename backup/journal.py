"""The record of a live restore while it runs. While it is there, the live stores are half one state and half another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.errors import PlatformError
from backup.files import sync_folder, write_atomically
from backup.model import Store

_FILE = "restore.json"


class Journal:
    """Which stores of a live restore are done, and which sets it may choose from."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def read(self) -> dict[str, Any] | None:
        """What was begun and not finished."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def begin(self, target: str, stores: Sequence[Store], sets: Sequence[str]) -> None:
        """Note the beginning: the target, the stores, and the ids of the sets to choose from."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({"target": target, "stores": list(stores), "sets": list(sets), "done": [], "since": since})

    def finish(self, store: Store) -> None:
        """Note that a store is restored."""
        now = self.read() or {}
        self._write({**now, "done": [*now.get("done", []), store]})

    def close(self) -> None:
        """All is done."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def _write(self, state: Mapping[str, Any]) -> None:
        write_atomically(self.path, json.dumps(state).encode())


def refuse_unfinished(folder: Path) -> None:
    """Refuse to go on while the live stores are half restored: a backup of that would be none of either state.

    Raises PlatformError that says how the restore is finished.
    """
    begun = Journal(folder).read()
    if begun:
        raise PlatformError(
            what=f"a restore to {begun['target']} of {', '.join(begun['stores'])} was begun at {begun['since']} and not finished",
            where=str(Journal(folder).path),
            next_step=finish_command(begun),
        )


def finish_command(begun: Mapping[str, Any]) -> str:
    """The command that goes on with it."""
    only = "".join(f" --store {store}" for store in begun["stores"])
    return f"finish it first: invoke backup.restore --to {begun['target']}{only} --live"
