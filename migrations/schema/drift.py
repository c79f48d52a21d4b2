"""Differences between the live schema and the reviewed one, object by object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.errors import PlatformError
from migrations.edition import form
from migrations.queries import current_revision
from migrations.schema import meaning
from migrations.schema.inventory import Inventory
from migrations.schema.snapshot import read_live, reviewed

if TYPE_CHECKING:
    from infra.connections import Platform


class Change(StrEnum):
    """How an object differs."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Drift:
    """One different object: definitions as SQL, None on the side without it."""

    change: Change
    kind: str
    name: str
    expected: str | None
    present: str | None

    def as_dict(self) -> dict[str, str | None]:
        """The difference for `--json`."""
        return {"change": self.change, "kind": self.kind, "name": self.name, "expected": self.expected, "found": self.present}

    def __str__(self) -> str:
        lines = [f"{self.change}: {self.kind} {self.name}"]
        lines += [f"  expected  {self.expected}"] if self.expected else []
        lines += [f"  found     {self.present}"] if self.present else []
        return "\n".join(lines)


def compare(expected: Inventory, present: Inventory, same: Callable[[str, str, str, str], bool] | None = None) -> list[Drift]:
    """The differences, by name. Two spellings for which `same(kind, name, before, after)` is true don't differ."""
    drifts = []
    for kind, name in sorted({*expected, *present}, key=lambda key: (key[1], key[0])):
        before, after = expected.get((kind, name)), present.get((kind, name))
        if before != after and not (same and before and after and same(kind, name, before, after)):
            change = Change.MISSING if after is None else Change.ADDED if before is None else Change.CHANGED
            drifts.append(Drift(change, kind, name, before, after))
    return drifts


def drift(platform: Platform) -> list[Drift]:
    """The differences of the platform's schema from the reviewed snapshot at head.

    Raises PlatformError if the database is not at head, or its edition has no snapshot to compare with.
    """
    from infra.clients import postgres
    from migrations.run import ACCOUNT, head_revision

    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        current, edition = current_revision(connection), form(connection)
        if current != head_revision() or edition is None:
            raise PlatformError(
                f"the schema is at {current or 'base'}, head is {head_revision()}",
                where=f"stack {platform.stack}, timescaledb",
                next_step="invoke migrate, then look for drift",
            )
        expected = reviewed(edition)
        if expected is None:
            raise PlatformError(
                f"there is no reviewed snapshot of the {edition} edition's schema",
                where="migrations/",
                next_step="review a new one and commit it: invoke migrate.snapshot",
            )
        return compare(expected, read_live(connection), functools.partial(meaning.same, connection))
