"""Which keys the rows in the database need, without looking at a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from christmas.sealed.ring import KeyRing
from security.statements import statement

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Usage:
    """How many values of a column are sealed with one key; `number` None for values that are not sealed at all."""

    field: str
    number: int | None
    fingerprint: str | None
    values: int


class Kind(StrEnum):
    """What the ring says of the key of a sealed value."""

    PLAIN = "plain"  # not sealed at all
    FOREIGN = "foreign"  # sealed with a key that the ring has not
    RETIRED = "retired"
    OLDER = "older"  # opens, and waits for a rotation to go on
    ACTIVE = "active"


def key_usage(connection: psycopg.Connection) -> list[Usage]:
    """What is in use, by column and key. Account `api` and account `monitor` may ask."""
    return [Usage(*row) for row in connection.execute(statement("key_usage")).fetchall()]


def judge(ring: KeyRing, usages: Iterable[Usage]) -> dict[Kind, list[Usage]]:
    """The values in use, by what the ring says of their keys; every kind has an entry. Pure."""
    judged: dict[Kind, list[Usage]] = {kind: [] for kind in Kind}
    for usage in usages:
        judged[_kind(ring, usage)].append(usage)
    return judged


def _kind(ring: KeyRing, usage: Usage) -> Kind:
    if usage.number is None:
        return Kind.PLAIN
    key = ring.find(usage.number)
    if key is None or key.fingerprint.hex() != usage.fingerprint:
        return Kind.FOREIGN
    if key.retired:
        return Kind.RETIRED
    return Kind.ACTIVE if key is ring.active else Kind.OLDER
