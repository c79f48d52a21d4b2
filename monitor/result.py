"""What a check says, and what all of them together mean for an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How something is. `unknown` means that the check itself could not be done: it is never good news."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """The exit code that stands for it."""
        return {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.UNKNOWN: 3}[self]


# What is known to be broken outweighs what could not be looked at, and that outweighs what will be broken.
_RANK = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check's outcome. `value` in `unit` is the figure behind it, where there is one; `seconds` is what the check took.

    `warn_from` and `critical_from` are its bounds; if the second is lower, low figures are bad.
    """

    name: str
    status: Status
    message: str
    next_step: str = ""
    value: float | None = None
    unit: str = ""
    seconds: float = 0.0
    warn_from: float | None = None
    critical_from: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The result as `--json` shows it."""
        return {
            "name": self.name,
            "status": str(self.status),
            "message": self.message,
            "next_step": self.next_step,
            "value": self.value,
            "unit": self.unit,
            "warn_from": self.warn_from,
            "critical_from": self.critical_from,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check's function returns: the result without what the runner adds."""

    status: Status
    message: str
    next_step: str = ""
    value: float | None = None
    unit: str = ""
    warn_from: float | None = None
    critical_from: float | None = None


def ok(message: str, value: float | None = None, unit: str = "") -> Finding:
    """All is as it should be."""
    return Finding(Status.OK, message, "", value, unit)


def warning(message: str, next_step: str, value: float | None = None, unit: str = "") -> Finding:
    """It works, but won't for long, or not as declared."""
    return Finding(Status.WARNING, message, next_step, value, unit)


def critical(message: str, next_step: str, value: float | None = None, unit: str = "") -> Finding:
    """It doesn't work, or lets in what it must not."""
    return Finding(Status.CRITICAL, message, next_step, value, unit)


def unknown(message: str, next_step: str) -> Finding:
    """It could not be learned (slow, cut off or postponed): neither good nor seen to be broken."""
    return Finding(Status.UNKNOWN, message, next_step)


def bounded(
    value: float, unit: str, message: str, next_step: str, *, warn: float | None, critical: float | None = None, below: bool = False
) -> Finding:
    """Judge a figure by its bounds, both inclusive; with `below` low figures are bad."""

    def reached(bound: float | None) -> bool:
        return bound is not None and (value <= bound if below else value >= bound)

    status = Status.CRITICAL if reached(critical) else Status.WARNING if reached(warn) else Status.OK
    return Finding(status, message, "" if status is Status.OK else next_step, round(value, 4), unit, warn, critical)


def severity(status: Status) -> int:
    """The rank of a status, 0 for ok."""
    return _RANK.index(status)


def worst(results: Iterable[CheckResult]) -> Status:
    """The worst status; unknown if there is no result at all."""
    return max((result.status for result in results), key=severity, default=Status.UNKNOWN)


def exit_code(results: Iterable[CheckResult]) -> int:
    """0 ok, 1 warning, 2 critical, 3 unknown: that of the worst result."""
    return worst(results).exit_code
