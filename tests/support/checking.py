"""Checks of a running platform: one alone, and one that is waited for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TypeVar

from infra.connections import Platform
from monitor.checks import run
from monitor.result import CheckResult, Finding
from tests.support.waiting import wait_for

ASKED_AGAIN = 5
_UNKNOWN = 3
_Told = TypeVar("_Told", CheckResult, Finding)


def only(platform: Platform, name: str) -> CheckResult:
    (found,) = run(platform, [name], timeout=120)
    return found


def turned(look: Callable[[], _Told], status: str, what: str) -> _Told:
    """What a check tells as soon as it is of that status."""

    def looked() -> _Told | None:
        found = look()
        return found if found.status == status else None

    return wait_for(looked, what)


def until_known(check: Callable[[], subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    """What `invoke check` ends with. It is asked again while it could not learn everything, as on a busy machine; so does `make up`."""
    for _ in range(ASKED_AGAIN):
        done = check()
        if done.returncode != _UNKNOWN:
            break
    return done
