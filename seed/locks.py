"""Exclusive locks: on this machine, and on all machines that use the same stack. A lock ends with its holder, however that ends."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator

from airgap.toolchain.exclusive import exclusively
from core.errors import PlatformError
from core.progress import Progress
from infra import clients
from infra.connections import LOCAL, Platform

# No account that serves applications may take advisory locks (docs/adr/0011).
ACCOUNT = "migrator"
"""The account whose PostgreSQL session holds a lock."""


@contextlib.contextmanager
def exclusive_for_stack(platform: Platform, name: str, progress: Progress) -> Iterator[Callable[[], None]]:
    """Hold the named lock on this machine and in the stack's PostgreSQL, whose advisory locks end with their session.

    Yields a function that checks whether it is still held: it raises PlatformError if the session was lost. Taking the lock also
    raises it if PostgreSQL does not answer. Without PostgreSQL the platform belongs to this machine alone.
    """
    with exclusively(LOCAL / "locks" / f"{platform.stack}-{name}", progress, f"imports {name}"):
        if "postgres" not in platform.endpoints:
            yield lambda: None
            return
        import psycopg

        key = int.from_bytes(hashlib.sha256(f"christmas {name}".encode()).digest()[:8], signed=True)
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(clients.postgres(platform, ACCOUNT, autocommit=True))
            except psycopg.OperationalError as error:
                raise _lost(name, "PostgreSQL does not answer") from error

            def still_held() -> None:
                try:
                    connection.execute("select 1")
                except psycopg.OperationalError as error:
                    raise _lost(name, "the session that held it is gone") from error

            while not (connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone() or (False,))[0]:
                progress.status("waiting for an import from another machine to end")
                time.sleep(0.3)
            yield still_held


def _lost(name: str, why: str) -> PlatformError:
    return PlatformError(
        what=f"the lock against parallel imports of {name} is not held: {why}",
        where="TimescaleDB, where every machine sees it",
        next_step="invoke check --only postgres, then run this again: it continues where it stopped",
    )
