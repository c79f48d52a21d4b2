"""The matrix' words: a cell, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Store = Literal["postgres", "redis", "weaviate"]
STORES: tuple[Store, ...] = ("postgres", "redis", "weaviate")


@dataclass(frozen=True, slots=True)
class Cell:
    """One account and one action on one thing. `kind` and `name` name the thing: `table`, `users`."""

    account: str
    store: Store
    kind: str
    name: str
    action: str

    @property
    def thing(self) -> str:
        """The thing in words."""
        return f"{self.kind} {self.name}".rstrip()

    def __str__(self) -> str:
        return f"{self.account}: {self.store}, {self.thing}: {self.action}"


class Answer(StrEnum):
    """What a server answered. `nothing there` means that the thing can't be tried on this server, whoever asks: that is no difference."""

    ALLOWED = "allowed"
    DENIED = "denied"
    MIXED = "mixed"  # a group of things of which some are allowed and some are not
    UNKNOWN = "unknown"
    ABSENT = "nothing there"


class How(StrEnum):
    """How it was learned."""

    TRIED = "tried"
    LISTED = "listed"  # by the server's own list of rights: doing it would not have been harmless


@dataclass(frozen=True, slots=True)
class Learned:
    """What a server said of a cell, in its words where it said something; `names` are those that stand out in a group."""

    answer: Answer
    how: How = How.TRIED
    said: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proven:
    """A cell with what is declared of it and what was learned."""

    cell: Cell
    declared: bool
    learned: Learned

    @property
    def differs(self) -> bool:
        """Whether the server does otherwise than declared."""
        return self.learned.answer is Answer.MIXED or self.learned.answer is (Answer.DENIED if self.declared else Answer.ALLOWED)

    @property
    def is_unknown(self) -> bool:
        """Whether its answer is unknown."""
        return self.learned.answer is Answer.UNKNOWN
