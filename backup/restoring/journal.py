"""The record of a live restore, outside any store, until nothing of it is owed any more.

Each store goes through steps; when all are through them, a full set has to follow. Until a store is restored the live stores are half
one state and half another; until the full set is there, what is written hangs on old sets, and the newest one shows what was undone.
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

PLANNED = "planned"
FILES = "files in place"
RECOVERED = "recovered"
PROMOTED = "promoted"

LAST_STEP: Mapping[str, str] = {"postgres": PROMOTED, "redis": RECOVERED, "weaviate": RECOVERED}
"""The step with which a store is restored. Only PostgreSQL is promoted: its log goes on in a new timeline."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A live restore that is not through.

    `sets` are the ids to choose from, `safety` the set that holds what was thrown away, `timeline` the highest one of PostgreSQL's log
    before: what is promoted since has a higher one. `after` is the number of the newest set before, which the closing one follows.
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
        """Whether a store has gone through all of its steps."""
        return self.steps.get(store) == LAST_STEP[store]

    @property
    def half(self) -> bool:
        """Whether a store is still to be restored."""
        return not all(self.restored(store) for store in self.stores)

    @property
    def owes_full(self) -> bool:
        """Whether all is restored, and only the full set is missing that shows it."""
        return not self.half

    def told(self) -> str:
        """Where it stopped, in words."""
        begun = f"a restore to {self.target} of {', '.join(self.stores)} was begun at {self.since} and not finished"
        if self.owes_full:
            what = "of the new timeline" if "postgres" in self.stores else "of what was restored"
            return f"{begun}: all is restored, and the full set {what} is still to be made"
        steps = [f"{store}: {self.steps.get(store, 'untouched')}" for store in self.stores]
        return f"{begun}: {'; '.join(steps)}"

    def next_step(self) -> str:
        """The command that goes on with it."""
        if self.owes_full:
            return "invoke backup makes it"
        only = "".join(f" --store {store}" for store in self.stores)
        # What was promoted has taken writes since, and going back over them would lose those.
        undo = self.safety and not any(self.steps.get(store) == LAST_STEP[store] for store in self.stores)
        back = f"\nor go back to what was there before: invoke backup.restore --to {self.safety}{only} --live" if undo else ""
        return f"finish it first: invoke backup.restore --to {shlex.quote(self.target)}{only} --live{back}"


class Journal:
    """The journal of a folder of sets: at most one restore is begun."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def read(self) -> Begun | None:
        """What was begun and not finished.

        Raises PlatformError where the file is there and can't be read: something was begun, and nobody knows what.
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
            what=f"a live restore was begun here, but its journal can't be read: {why}",
            where=str(self.path),
            next_step="move the file away, restore again with invoke backup.restore --live, and the full set that follows puts all right",
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
        """Note the beginning: target, stores, ids of the sets to choose from, and what was live before."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        when = committed.isoformat() if committed else None
        return self._write(Begun(target, tuple(stores), tuple(sets), since, safety, timeline, along, when, after))

    def reach(self, store: Store, step: str, **replayed: Any) -> Begun:
        """Note that a store has come to a step."""
        now = self._now()
        return self._write(_with(now, steps={**now.steps, store: step}, replayed={**now.replayed, **replayed}))

    def backed_up(self, set_id: str) -> Begun:
        """Note that the closing full set is there."""
        return self._write(_with(self._now(), set_made=set_id))

    def close(self) -> None:
        """All is done, and checked."""
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
    # Before there were steps, the journal named the stores that were done.
    done = {store: LAST_STEP[store] for store in raw.pop("done", ())}
    known = {name: value for name, value in raw.items() if name in Begun.__dataclass_fields__}
    known |= {"stores": tuple(raw["stores"]), "sets": tuple(raw["sets"]), "steps": {**done, **raw.get("steps", {})}}
    return Begun(**known)


def refuse_unfinished(folder: Path, *, owed: bool = False) -> None:
    """Refuse to go on while the live stores are half restored: a backup of that would be none of either state.

    With `owed`, refuse as well while the full set is missing that has to follow.

    Raises PlatformError that says where it stopped, and how the restore is finished.
    """
    begun = Journal(folder).read()
    if begun and (begun.half or owed):
        raise PlatformError(what=begun.told(), where=str(Journal(folder).path), next_step=begun.next_step())


def note(folder: Path) -> str:
    """Where a live restore stopped and what to do, for whoever only looks; empty where none was begun."""
    try:
        begun = Journal(folder).read()
    except PlatformError as error:
        return f"{error.what}; {error.next_step}"
    return f"{begun.told()}; {begun.next_step()}" if begun else ""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """What restoring a live store needs to know besides its plan. `begun` is how the journal stood when this call came to the store."""

    folder: Path
    journal: Journal
    begun: Begun
