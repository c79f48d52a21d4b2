"""Models of what a store's sets must give back: each row and its time, on the line that is live and on those that were left. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

Rows = frozenset[str]

# A server that writes seconds into its log takes them from a clock that it reads now and then.
_CLOCK = timedelta(seconds=0.25)


@dataclass
class Branch:
    """A line of history: its states by the moment from which on they hold, and the sets on it by the moment that they show."""

    states: list[tuple[datetime, Rows]]
    sets: dict[str, datetime] = field(default_factory=dict)

    def at(self, moment: datetime) -> Rows:
        """The rows at a moment."""
        return [rows for since, rows in self.states if since <= moment][-1]

    def until(self, moment: datetime) -> Branch:
        """The same line, left at a moment: what came later is not on it."""
        return Branch(
            [state for state in self.states if state[0] <= moment], {name: shows for name, shows in self.sets.items() if shows <= moment}
        )

    @property
    def now(self) -> Rows:
        """The rows that are there now."""
        return self.states[-1][1]


@dataclass
class Model:
    """PostgreSQL's: the live line, and for each set the line as it was when it was made."""

    live: Branch
    made: dict[str, Branch] = field(default_factory=dict)

    def write(self, row: str, moment: datetime) -> None:
        """A row that was committed before a moment, and after any moment known so far."""
        self.live.states.append((moment, self.live.now | {row}))

    def add(self, set_id: str, shows: datetime) -> None:
        """A set of what is live now."""
        self.live.sets[set_id] = shows
        self.made[set_id] = self.live.until(shows)

    def reachable(self, moment: datetime) -> bool:
        """Whether the live line has a set from before a moment."""
        return any(shows <= moment for shows in self.live.sets.values())

    def go_back(self, target: datetime | str | None) -> None:
        """The live line after a live restore to a moment, a set or (None) the latest."""
        if isinstance(target, datetime):
            self.live = self.live.until(target)
        elif target is not None:
            left = self.made[target]
            self.live = Branch(list(left.states), dict(left.sets))

    def forget(self, kept: set[str]) -> None:
        """Sets that were pruned are on no line any more."""
        self.made = {name: line for name, line in self.made.items() if name in kept}
        for line in (self.live, *self.made.values()):
            line.sets = {name: shows for name, shows in line.sets.items() if name in kept}


@dataclass(frozen=True)
class Copy:
    """A set of a store without lines: what it shows, when, and from when on its log shows every second; None where it has no log."""

    shows: datetime
    rows: Rows
    log_from: datetime | None = None


@dataclass
class Copies:
    """The model of Redis and Weaviate, which know no timelines: what was live when, and what each set shows."""

    states: list[tuple[datetime, datetime, Rows]]
    made: dict[str, Copy] = field(default_factory=dict)

    @property
    def now(self) -> Rows:
        """What is there now."""
        return self.states[-1][2]

    def change(self, began: datetime, done: datetime, rows: Rows) -> None:
        """What is there since a change that was made between two moments."""
        self.states.append((began, done, rows))

    def live_at(self, moment: datetime) -> set[Rows]:
        """What may have been there at a moment: two states where a change was being made."""
        before = [rows for _, done, rows in self.states if done <= moment]
        meanwhile = {rows for began, done, rows in self.states if began - _CLOCK <= moment < done + _CLOCK}
        return {*before[-1:], *meanwhile}

    def expected(self, target: datetime | str | None, but: str = "") -> set[Rows]:
        """What a restore may give back; nothing where it must be refused. `but` is a set that doesn't count as the latest."""
        if isinstance(target, str):
            return {self.made[target].rows}
        every = sorted((each for name, each in self.made.items() if target or name != but), key=lambda each: each.shows)
        if target is None:
            return {every[-1].rows} if every else set()
        second = target.replace(microsecond=0)
        if any(each.log_from and each.log_from <= second <= each.shows for each in every):
            return self.live_at(second)
        before = [each for each in every if each.shows <= target]
        return {before[-1].rows} if before else set()

    def forget(self, kept: set[str]) -> None:
        """Sets that were pruned."""
        self.made = {name: each for name, each in self.made.items() if name in kept}
