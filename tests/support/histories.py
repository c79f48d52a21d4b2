"""A model of what PostgreSQL's sets must give back: each row and its time, on the line that is live and on those that were left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

Rows = frozenset[str]


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
            [each for each in self.states if each[0] <= moment], {name: shows for name, shows in self.sets.items() if shows <= moment}
        )

    @property
    def now(self) -> Rows:
        """The rows that are there now."""
        return self.states[-1][1]


@dataclass
class Model:
    """The live line, and for each set the line as it was when it was made."""

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
