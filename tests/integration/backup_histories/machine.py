"""Random histories of one store: written to, backed up, restored beside and live, killed, pruned; what comes back is what the model says.

A history has at least one set, a change after it, and then a restore or a kill. It begins where the last one ended, with its sets and on
its timeline, so that each restores upon the restores before it. The seed is printed; CHRISTMAS_TEST_SEED runs one again,
CHRISTMAS_TEST_HISTORIES says how many there are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backup.make import make
from backup.prune import prune
from backup.restore import remove, restore
from backup.restoring.closing import settle
from backup.restoring.journal import Journal
from backup.sets import folders
from backup.sets.model import Store
from core.errors import PlatformError
from tests.support.backup_faults import Sets
from tests.support.history_stores import STORIES, Target

# What ends a round, each as often as it stands here: a live restore takes five times as long as a backup.
ENDINGS = ("backup killed", "beside", "backup killed", "beside", "live killed", "backup killed", "live")
TARGETS = ("moment", "latest", "set", "moment", "set", "early")
MANY_SETS = 8


class Histories:
    """Histories of one store, one after another."""

    def __init__(self, made: Sets, store: Store, number: int) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"histories-{store}-", dir=made.scratch))
        self.made = dataclasses.replace(made, folder=folder)
        self.store = store
        self.story = STORIES[store](self.made)
        self.told: list[str] = []
        self.did: Counter[str] = Counter()
        self._random = random.Random(number)  # noqa: S311 - to be drawn again
        self._decks: dict[tuple[Any, ...], list[Any]] = {}
        self._began = time.monotonic()

    def run(self) -> None:
        """One history. What goes wrong in it is told with the whole story."""
        try:
            self._history()
        except Exception as error:
            error.add_note("\n".join(self.told))
            raise
        self.did["histories"] += 1
        self._say(f"history {self.did['histories']} ended")

    def _say(self, text: str) -> None:
        self.told.append(text)
        print(f"{time.monotonic() - self._began:6.1f} {self.store}: {text}", flush=True)

    def _pick(self, among: Sequence[Any]) -> Any:
        return self._random.choice(among)

    def _deal(self, cards: tuple[Any, ...]) -> Any:
        """One of these, from a deck that is shuffled and dealt to its end: so a few histories have a little of everything."""
        deck = self._decks.setdefault(cards, [])
        if not deck:
            deck += self._random.sample(cards, len(cards))
        return deck.pop()

    def _history(self) -> None:
        self._back_up(self._pick(("incremental", "incremental", "full", "incremental")))
        for _ in range(self._random.randint(1, 3)):
            self._say(f"write {self.story.write(self._pick)}")
        if len(self.story.known()) > MANY_SETS:
            self._prune()
        ending = self._deal(ENDINGS)
        if ending == "backup killed":
            self._kill_a_backup()
        elif ending == "beside":
            self._restore_beside()
        else:
            self._restore_live(killed=ending == "live killed")
        self.did[ending] += 1
        assert self.story.rows(self.made.platform) == self.story.now

    def _back_up(self, kind: Any) -> None:
        """A set, of which the model learns; where the line has none yet, it must be a full one."""
        owed = self.story.owed()
        kind = kind if self.story.known() else "full"
        self._say(f"back up {kind}{', a full set is owed' if owed else ''}")
        manifest = make(self.made.platform, kind=kind, stores=[self.store], folder=self.made.folder)
        assert manifest
        assert manifest.kind == ("full" if owed else kind)
        self.story.learn()
        self.did["sets"] += 1

    def _kill_a_backup(self) -> None:
        """The next one, of the next history, has to come about all the same."""
        stage, delay = self._deal(self.story.backup_stages)
        kind = self._pick(("incremental", "full"))
        self._say(f"{kind} backup killed {delay} s after {stage!r}")
        self.made.killed("make", stage, delay, surely=False, kind=kind, stores=[self.store])
        self.story.learn()

    def _target(self) -> tuple[str, Target]:
        """What `--to` says, and what the model calls it."""
        kind = self._deal(TARGETS)
        if kind == "set":
            name = self._pick(self.story.known())
            return name, name
        if kind == "latest":
            return "latest", None
        # Mostly of late: what is older was mostly pruned.
        moment = self._pick(self.story.moments[-12:]) if kind == "moment" else self.story.begun - timedelta(1)
        return moment.isoformat(), moment

    def _restore_beside(self) -> None:
        text, target = self._target()
        self._say(f"restore beside to {text}")
        name = f"history-{secrets.token_hex(3)}"
        wanted: dict[str, Any] = {"stores": [self.store], "into": name, "folder": self.made.folder}
        try:
            if not self.story.expected(target):
                with pytest.raises(PlatformError, match=self.story.refusal):
                    restore(self.made.platform, text, **wanted)
                return
            restore(self.made.platform, text, **wanted)
            self.story.learn()
            assert self.story.rows(self.made.restored(name)) in self.story.expected(target)
        finally:
            with contextlib.suppress(PlatformError):
                remove(name)

    def _restore_live(self, *, killed: bool) -> None:
        text, target = self._target()
        wanted: dict[str, Any] = {"stores": [self.store], "live": True, "force": True}
        stage, delay = self._deal(self.story.restore_stages) if killed else ("", 0.0)
        self._say(f"restore live to {text}" + (f", killed {delay} s after {stage!r}" if killed else ""))
        if not self.story.expected(target):
            with pytest.raises(PlatformError, match=self.story.refusal):
                restore(self.made.platform, text, **wanted, folder=self.made.folder)
            return
        before, mark, began = {manifest.id for manifest in folders.list_sets(folder=self.made.folder)}, self.story.mark(), datetime.now(UTC)
        if killed and self.made.killed("restore", stage, delay, surely=False, to=text, **wanted):
            if self.story.untouched(mark):
                self._say("nothing was touched")
                self.story.learn()
                return
            begun = Journal(self.made.folder).read()
            if begun and begun.half:
                self._say(f"going on: {begun.steps}")
                with pytest.raises(PlatformError, match="not finished"):
                    make(self.made.platform, stores=[self.store], folder=self.made.folder)
                restore(self.made.platform, text, **wanted, folder=self.made.folder)
        elif not killed:
            restore(self.made.platform, text, **wanted, folder=self.made.folder)
        self.story.gone_back(target, before, began)
        # Where it was killed before its closing set, what is written now has to be in what comes.
        settle(self.made.platform, self.made.folder)
        self._say(f"write {self.story.write(self._pick)}")

    def _prune(self) -> None:
        """All but the newest full set and what follows it become old, and go."""
        every = folders.list_sets(folder=self.made.folder)
        newest = max(place for place, each in enumerate(every) if each.kind == "full")
        self._say(f"prune {newest} of {len(every)} sets")
        for each in every[:newest]:
            self.made.aged(each, 300)
        prune(self.made.platform, folder=self.made.folder)
        self.story.forget({manifest.id for manifest in folders.list_sets(folder=self.made.folder)})
        self.did["prunes"] += 1


def go_through(made: Sets, store: Store, histories: int) -> Counter[str]:
    """Go through that many random histories of a store, each held against its model; returns what was done, and how often."""
    number = int(os.environ.get("CHRISTMAS_TEST_SEED") or secrets.randbelow(2**32))
    histories = int(os.environ.get("CHRISTMAS_TEST_HISTORIES") or histories)
    print(f"CHRISTMAS_TEST_SEED={number}: {histories} histories of {store}", flush=True)
    world = Histories(made, store, number)
    for _ in range(histories):
        world.run()
    print(f"{store}: {dict(world.did)}", flush=True)
    return world.did
