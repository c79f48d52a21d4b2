"""After a restore the accounts are as they were then, with the passwords of then, maybe of another machine. This stack's are set again."""

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
# What the stores say to a wrong password and to an account that they don't know; anything else may pass.
_REFUSALS = re.compile(r"authentication failed|does not exist|not permitted to log in|WRONGPASS|username-password|HTTP 40[13]|^is ")
_LOGINS: Mapping[Store, Callable[[Platform, str], str]] = {
    "postgres": logins.postgres,
    "redis": logins.redis,
    "weaviate": logins.weaviate,
}


def settle(platform: Platform, stores: tuple[Store, ...], progress: Progress) -> Platform:
    """See that every account gets into the restored stores, and where one doesn't, have the stack set all that it declares.

    Returns the platform with the credentials of now: Weaviate makes keys itself, so some may be new.
    Raises PlatformError where accounts are still refused, naming them, or the stack can't be brought up.
    """
    progress.status("trying every account")
    if not refused(platform, stores):
        return platform
    if platform.stack not in stacks.stacks():
        raise _still_refused(platform, refused(platform, stores))
    progress.status("setting the accounts' passwords of this stack")
    stacks.up(platform.stack, refresh=True, progress=_Quiet(progress))
    # What was given for this call alone, as an operator's identity, stays.
    settled = dataclasses.replace(connections.load(platform.stack), backup=platform.backup)
    if left := refused(settled, stores):
        raise _still_refused(platform, left)
    progress.log("the restored accounts had other passwords: this stack's are set; Weaviate's keys are new where they did not fit")
    return settled


class _Quiet:
    """Pulumi's line for every resource belongs to `up`; here only what it leaves behind where it fails is told."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def status(self, text: str) -> None:
        """Nothing."""

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Nothing."""

    def log(self, text: str) -> None:
        """Leave a line."""
        self._progress.log(text)


def refused(platform: Platform, stores: tuple[Store, ...]) -> list[str]:
    """Accounts that don't get in, with what the store says. One that doesn't answer is asked again for a while, and then not known."""
    deadline = time.monotonic() + patience(_ASKED_FOR_SECONDS)
    wanted = [(store, name) for store in stores for name, secrets in platform.accounts.items() if getattr(secrets, store) is not None]

    def ask(store: Store, name: str) -> str:
        while (said := _LOGINS[store](platform, name)) and not _REFUSALS.search(said) and time.monotonic() < deadline:
            time.sleep(0.5)
        return f"{name} in {store}: {said}" if said and _REFUSALS.search(said) else ""

    # A store takes half a second of one processor for each password or key that it sees for the first time after its start.
    with ThreadPoolExecutor(max_workers=_AT_A_TIME, thread_name_prefix="accounts") as pool:
        return list(filter(None, pool.map(lambda each: ask(*each), wanted)))


def _still_refused(platform: Platform, left: list[str]) -> PlatformError:
    return PlatformError(
        what="everything is restored, but accounts don't get in: " + "; ".join(left),
        where=f"stack {platform.stack}",
        next_step=f"invoke up --refresh --stack {platform.stack} sets their passwords; then invoke backup --full",
    )
