"""Passwords after a restore: the restored accounts have those of the backup, maybe of another machine. Sets this stack's again."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from backup.proving import logins
from backup.sets.model import Store
from core.errors import PlatformError
from core.patience import patience
from core.progress import Progress
from infra import connections, stacks
from infra.connections import Platform

_ASKED_FOR_SECONDS = 60.0
_AT_A_TIME = 4
# The stores' answers to a wrong password and to an unknown account; any other failure may pass.
_REFUSALS = re.compile(r"authentication failed|does not exist|not permitted to log in|WRONGPASS|username-password|HTTP 40[13]|^is ")
_LOGINS: Mapping[Store, Callable[[Platform, str], str]] = {
    "postgres": logins.postgres,
    "redis": logins.redis,
    "weaviate": logins.weaviate,
}


def settle(platform: Platform, stores: tuple[Store, ...], progress: Progress) -> Platform:
    """Check that every account can log in to the restored stores; if one can't, bring the stack up to set all passwords.

    It is brought up too where an account was ever rotated: a backup may hold a former secret, which was taken away since.
    Returns the platform with the present credentials: Weaviate makes its keys itself, so some may be new.
    Raises PlatformError that names the accounts still refused, or if the stack can't be brought up.
    """
    progress.status("trying every account")
    left, rotated = refused(platform, stores), any(turn.generation for turn in platform.rotations.values())
    if not left and not rotated:
        return platform
    if platform.stack not in stacks.stacks():
        if not left:
            return platform
        raise _still_refused(platform, left)
    progress.status("setting the accounts' passwords of this stack")
    stacks.up(platform.stack, refresh=True, progress=_Quiet(progress))
    # Keep what was given only for this call, such as an operator's identity.
    settled = dataclasses.replace(connections.load(platform.stack), backup=platform.backup)
    if left := refused(settled, stores):
        raise _still_refused(platform, left)
    progress.log("the restored accounts may have had other passwords: set this stack's again; Weaviate's keys are new where the old failed")
    return settled


class _Quiet:
    """Hides `up`'s line for every resource; its errors still show."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def status(self, text: str) -> None:
        """Nothing."""

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Nothing."""

    def log(self, text: str) -> None:
        """Print a line."""
        self._progress.log(text)


def refused(platform: Platform, stores: tuple[Store, ...]) -> list[str]:
    """Accounts that can't log in, with the store's answer. A store that doesn't answer is asked again for a while, then left out."""
    deadline = time.monotonic() + patience(_ASKED_FOR_SECONDS)
    expected_logins = [
        (store, name) for store in stores for name, secrets in platform.accounts.items() if getattr(secrets, store) is not None
    ]

    def ask(store: Store, name: str) -> str:
        while (said := _LOGINS[store](platform, name)) and not _REFUSALS.search(said) and time.monotonic() < deadline:
            time.sleep(0.5)
        return f"{name} in {store}: {said}" if said and _REFUSALS.search(said) else ""

    # A store needs half a second of processor time for each password or key that it sees for the first time after a start.
    with ThreadPoolExecutor(max_workers=_AT_A_TIME, thread_name_prefix="accounts") as pool:
        return list(filter(None, pool.map(lambda pair: ask(*pair), expected_logins)))


def _still_refused(platform: Platform, left: list[str]) -> PlatformError:
    return PlatformError(
        what="everything is restored, but accounts can't log in: " + "; ".join(left),
        where=f"stack {platform.stack}",
        next_step=f"invoke up --refresh --stack {platform.stack} sets their passwords; then invoke backup --full",
    )
