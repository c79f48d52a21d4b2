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
    """One check's outcome. `value` in `unit` is the figure behind it, where there is one; `seconds` is what the check took."""

    name: str
    status: Status
    message: str
    next_step: str = ""
    value: float | None = None
    unit: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The result as `--json` shows it."""
        return {
            "name": self.name,
            "status": str(self.status),
            "message": self.message,
            "next_step": self.next_step,
            "value": self.value,
            "unit": self.unit,
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
    """It could not be learned: slow, cut or put off, which is neither good nor seen to be broken."""
    return Finding(Status.UNKNOWN, message, next_step)


def worst(results: Iterable[CheckResult]) -> Status:
    """The status of all together; unknown where there is no result at all."""
    return max((each.status for each in results), key=_RANK.index, default=Status.UNKNOWN)


def exit_code(results: Iterable[CheckResult]) -> int:
    """0 ok, 1 warning, 2 critical, 3 unknown: that of the worst result."""
    return worst(results).exit_code
