"""Which of several readings fits a whole column: each value rules out those that can't read it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

_REMEMBERED = 10_000  # values that needn't be asked again


@dataclass(frozen=True, slots=True)
class Example:
    """A value of the file and the line it stands on."""

    line: int
    text: str


class Choice:
    """The readings of a column that are still possible. A reading returns None for what it can't read.

    A value that no reading can read is a bad row, and says nothing about the others.
    """

    def __init__(self, readings: Mapping[str, Callable[[str], Hashable | None]]) -> None:
        self._readings = dict(readings)
        self.possible = list(self._readings)
        self.read: dict[str, Example] = {}
        """The first value that each reading could read."""
        self.against: dict[str, Example] = {}
        """The value that ruled a reading out."""
        self.unclear: Example | None = None
        """The first value that possible readings read differently."""
        self._known: set[str] = set()

    def add(self, line: int, text: str) -> None:
        """Let one value speak."""
        if text in self._known:
            return
        if len(self._known) < _REMEMBERED:
            self._known.add(text)
        able = [name for name in self.possible if self._readings[name](text) is not None]
        # A reading that was ruled out, and is the only one for this value, contradicts those that are left.
        others = [] if able else [name for name, reading in self._readings.items() if reading(text) is not None]
        if not able and not others:
            return
        example = Example(line, text)
        for name in able or others:
            self.read.setdefault(name, example)
        for name in self.possible:
            if name not in able:
                self.against[name] = example
        self.possible = able
        self.unclear = self._still_unclear(example)

    def _still_unclear(self, example: Example) -> Example | None:
        for each in (self.unclear, example):
            if each is not None and len({self._readings[name](each.text) for name in self.possible}) > 1:
                return each
        return None
