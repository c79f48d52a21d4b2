"""What a resource of this program may say although a rule forbids it: one entry for each thing, with its reason.

An entry is for one sentence of one rule on one resource, so it allows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """`problem` is the sentence that the rule says of the resource; `reason` is why it is right here."""

    resource: str
    rule: str
    problem: str
    reason: str


DEVIATIONS: tuple[Deviation, ...] = ()


def is_allowed(resource: str, rule: str, problem: str, deviations: tuple[Deviation, ...] = DEVIATIONS) -> bool:
    """Whether an entry allows exactly that."""
    return any((each.resource, each.rule, each.problem) == (resource, rule, problem) for each in deviations)
