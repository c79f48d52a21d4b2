"""Chooses the interpretation that fits a whole column: each value rules out those that can't read it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Example:
    """A value of the file and its line."""

    line: int
    text: str


class Choice:
    """The remaining interpretations of a column. An interpretation returns None for a value that it can't read.

    A value that none can read is a bad row, and says nothing about the others.
    """

    def __init__(self, readings: Mapping[str, Callable[[str], Hashable | None]], remembered: int = 0) -> None:
        """`remembered` is the number of values to remember, so that they aren't read again."""
        self._readings = dict(readings)
        self._remembered = remembered
        self.possible = list(self._readings)
        self.read: dict[str, Example] = {}
        """The first value that each interpretation could read."""
        self.against: dict[str, Example] = {}
        """The value that ruled an interpretation out."""
        self._differ: dict[tuple[str, str], Example] = {}
        self._known: set[str] = set()

    @property
    def unclear(self) -> Example | None:
        """The first value that two remaining interpretations read differently."""
        differing = (self._differ.get(pair) for pair in combinations(self.possible, 2))
        return min((example for example in differing if example is not None), key=lambda example: example.line, default=None)

    def add(self, line: int, text: str) -> Hashable | None:
        """Apply one value; returns the first remaining interpretation's result, None for a remembered value."""
        if text in self._known:
            return None
        if len(self._known) < self._remembered:
            self._known.add(text)
        values = {name: value for name in self.possible if (value := self._readings[name](text)) is not None}
        # If only a ruled-out interpretation can read this value, it contradicts the remaining ones.
        others = () if values else [name for name, reading in self._readings.items() if reading(text) is not None]
        if not values and not others:
            return None
        for name in values or others:
            if name not in self.read:
                self.read[name] = Example(line, text)
        if len(values) < len(self.possible):
            self.against.update({name: Example(line, text) for name in self.possible if name not in values})
            self.possible = list(values)
        for pair in combinations(values, 2):
            if pair not in self._differ and values[pair[0]] != values[pair[1]]:
                self._differ[pair] = Example(line, text)
        return next(iter(values.values()), None)
