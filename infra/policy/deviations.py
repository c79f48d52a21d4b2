"""Exceptions from the rules for this program's resources, each with its reason.

An entry is for one problem of one rule on one resource, so it allows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """`problem` is the rule's sentence about the resource; `reason` is why it is right here."""

    resource: str
    rule: str
    problem: str
    reason: str


DEVIATIONS: tuple[Deviation, ...] = ()


def is_allowed(resource: str, rule: str, problem: str, deviations: tuple[Deviation, ...] = DEVIATIONS) -> bool:
    """Whether an entry allows exactly this problem."""
    return any((deviation.resource, deviation.rule, deviation.problem) == (resource, rule, problem) for deviation in deviations)
