"""The journal of a live restore, outside any store, kept until the restore and its closing full set are done.

Each store goes through steps; after all of them, a full set must follow. Until the stores are restored they are a mix of two
states; until the full set exists, new writes depend on old sets, and the newest set shows the undone state.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backup.sets.model import Store
from core.disk import sync_folder, write_whole
from core.errors import PlatformError

_FILE = "restore.json"
_BRINGING_BACK = "bringing-back"

PLANNED = "planned"
FILES = "files in place"
RECOVERED = "recovered"
PROMOTED = "promoted"

LAST_STEP: Mapping[str, str] = {"postgres": PROMOTED, "redis": RECOVERED, "weaviate": RECOVERED}
"""The step that completes a store. Only PostgreSQL is promoted: it continues on a new timeline."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An unfinished live restore.

    `sets` are the ids to choose from, `safety` the set of the state before, `timeline` PostgreSQL's highest timeline before: a promotion
    since then has a higher one. `after` is the sequence of the newest set before, which the closing one follows.
    `steps` has each store's last step, `set_made` the closing full set.
    """

    target: str
    stores: tuple[Store, ...]
    sets: tuple[str, ...]
    since: str
    safety: str | None = None
    timeline: int | None = None
    along: int | None = None
    committed: str | None = None
    after: int = 0
    steps: dict[str, str] = field(default_factory=dict)
    replayed: dict[str, Any] = field(default_factory=dict)
    set_made: str | None = None

    def restored(self, store: Store) -> bool:
        """Whether a store has completed its steps."""
        return self.steps.get(store) == LAST_STEP[store]

    @property
    def half(self) -> bool:
        """Whether a store is still to be restored."""
        return not all(self.restored(store) for store in self.stores)

    @property
    def owes_full(self) -> bool:
        """Whether all stores are restored, and only the closing full set is missing."""
        return not self.half

    def description(self) -> str:
        """Where it stopped, in words."""
        begun = f"a restore to {self.target} of {', '.join(self.stores)} was begun at {self.since} and not finished"
        if self.owes_full:
            what = "of the new timeline" if "postgres" in self.stores else "of the restored state"
            return f"{begun}: all is restored, and the full set {what} is still to be made"
        steps = [f"{store}: {self.steps.get(store, 'untouched')}" for store in self.stores]
        return f"{begun}: {'; '.join(steps)}"

    def next_step(self) -> str:
        """The command that continues the restore."""
        if self.owes_full:
            return "invoke backup makes it"
        only = "".join(f" --store {store}" for store in self.stores)
        # A promoted server has taken writes since, and going back would lose them.
        undo = self.safety and not any(self.steps.get(store) == LAST_STEP[store] for store in self.stores)
        back = f"\nor go back to the state before: invoke backup.restore --to {self.safety}{only} --live" if undo else ""
        return f"finish it first: invoke backup.restore --to {shlex.quote(self.target)}{only} --live{back}"


class Journal:
    """The journal in a folder of sets: at most one restore is open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def read(self) -> Begun | None:
        """The unfinished restore, if there is one.

        Raises PlatformError if the file exists but can't be read: a restore began, and its state is unknown.
        """
        try:
            content = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(os.strerror(error.errno or 0)) from error
        try:
            return _parse(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreadable("it was cut off, or is no journal") from error

    def _unreadable(self, why: str) -> PlatformError:
        return PlatformError(
            what=f"a live restore began here, but its journal can't be read: {why}",
            where=str(self.path),
            next_step="move the file away, restore again with invoke backup.restore --live, which ends with a full set",
        )

    def begin(
        self,
        target: str,
        stores: Sequence[Store],
        sets: Sequence[str],
        *,
        safety: str | None = None,
        timeline: int | None = None,
        along: int | None = None,
        committed: datetime | None = None,
        after: int = 0,
    ) -> Begun:
        """Note the start: target, stores, ids of the sets to choose from, and the live state before."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        when = committed.isoformat() if committed else None
        return self._write(Begun(target, tuple(stores), tuple(sets), since, safety, timeline, along, when, after))

    def reach(self, store: Store, step: str, **replayed: Any) -> Begun:
        """Note that a store has completed a step."""
        now = self._now()
        return self._write(_with(now, steps={**now.steps, store: step}, replayed={**now.replayed, **replayed}))

    def backed_up(self, set_id: str) -> Begun:
        """Note that the closing full set exists."""
        return self._write(_with(self._now(), set_made=set_id))

    def close(self) -> None:
        """Remove the journal: all is done and checked."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def _now(self) -> Begun:
        now = self.read()
        if now is None:
            raise PlatformError(what="the journal of this restore is gone", where=str(self.path), next_step="run the same command again")
        return now

    def _write(self, state: Begun) -> Begun:
        content = {name: getattr(state, name) for name in state.__dataclass_fields__}
        write_whole(self.path, json.dumps(content, indent=1).encode() + b"\n")
        return state


def _with(state: Begun, **changes: Any) -> Begun:
    import dataclasses

    return dataclasses.replace(state, **changes)


def _parse(raw: dict[str, Any]) -> Begun:
    # Older journals had no steps, only the names of finished stores.
    done = {store: LAST_STEP[store] for store in raw.pop("done", ())}
    known = {name: value for name, value in raw.items() if name in Begun.__dataclass_fields__}
    known |= {"stores": tuple(raw["stores"]), "sets": tuple(raw["sets"]), "steps": {**done, **raw.get("steps", {})}}
    return Begun(**known)


def begin_bringing_back(folder: Path, name: str) -> None:
    """Note that a copy is being made the first place, before a live restore."""
    write_whole(folder / _BRINGING_BACK, name.encode())


def end_bringing_back(folder: Path) -> None:
    """Note that all of the copy is there."""
    (folder / _BRINGING_BACK).unlink()
    sync_folder(folder)


def brought_back_in_part(folder: Path) -> str:
    """The copy of which the first place holds a part; empty if none was cut off."""
    file = folder / _BRINGING_BACK
    return file.read_text("utf-8") if file.exists() else ""


def part_brought_back(folder: Path) -> tuple[str, str] | None:
    """What is to be said of such a copy, and what finishes it."""
    name = brought_back_in_part(folder)
    state = f"copy {name} was not brought back to its end: the first place has a part of its sets"
    return (state, "invoke backup.restore --live goes on with it") if name else None


def refuse_part(folder: Path) -> None:
    """Raise PlatformError while the first place holds a part of a copy.

    Its newest set is not the newest that there is, and going on would put aside what was made meanwhile.
    """
    if part := part_brought_back(folder):
        raise PlatformError(what=part[0], where=str(folder / _BRINGING_BACK), next_step=part[1])


def refuse_unfinished(folder: Path, *, owed: bool = False) -> None:
    """Raise PlatformError while the live stores are half restored: a backup of them would be of neither state.

    With `owed`, raise it as well while the closing full set is missing.

    Neither while the first place holds a part of a copy. The message says where the restore stopped, and how to finish it.
    """
    refuse_part(folder)
    begun = Journal(folder).read()
    if begun and (begun.half or owed):
        raise PlatformError(what=begun.description(), where=str(Journal(folder).path), next_step=begun.next_step())


def note(folder: Path) -> str:
    """Where a live restore stopped and what to do, for commands that only read; empty if none is open."""
    if part := part_brought_back(folder):
        return "; ".join(part)
    try:
        begun = Journal(folder).read()
    except PlatformError as error:
        return f"{error.what}; {error.next_step}"
    return f"{begun.description()}; {begun.next_step()}" if begun else ""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """What restoring a live store needs besides its plan. `begun` is the journal when this call came to the store."""

    folder: Path
    journal: Journal
    begun: Begun
