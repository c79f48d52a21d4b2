"""A new key for encrypted fields: made, every row sealed with it, the former ones retired. Interrupted, it is run again and goes on."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from christmas.sealed.errors import FieldError
from christmas.sealed.ring import KeyRing, from_json
from core.errors import PlatformError
from core.progress import Progress
from core.words import shortened
from security.resealing import Resealed, reseal
from security.statements import statement

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

ACCOUNT = "api"
# No account that serves applications may take advisory locks (docs/adr/0011).
LOCK_ACCOUNT = "migrator"
# Any number will do, as long as nothing else in this database uses it.
LOCK = 0x6669656C646B6579
_TOLD = 5


def rotate_keys(stack: str | None) -> None:
    """Rotate the stack's keys; a rotation that was interrupted is completed before another one can begin.

    Raises PlatformError where another rotation is running, where rows can't be opened, or where the stack fails.
    """
    from core.runner import show_progress
    from infra import connections

    name = connections.stack_name(stack)
    with show_progress("rotate keys") as progress:
        platform = connections.load(name)
        with _session(platform, LOCK_ACCOUNT) as lock, rotation_lock(lock), _session(platform, ACCOUNT) as session:
            ring = _with_new_key(name, progress)
            done = reseal(session, ring, progress)
            _refuse_incomplete(done, ring)
            _retire(name, ring, progress)
        progress.log(f"{done.rows} rows sealed anew")
    print(f"encrypted fields of stack {name} are sealed with key {ring.active.number}; keys before it are retired")
    print(f"applications take the new ring from their settings: invoke env --account {ACCOUNT} --stack {name}")


@contextlib.contextmanager
def rotation_lock(connection: psycopg.Connection) -> Iterator[None]:
    """Hold the lock of rotations while the block runs. It belongs to the session, so a killed run leaves none behind.

    Raises PlatformError at once where somebody else holds it, telling who.
    """
    row = connection.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    if row is None or not row[0]:
        holder = connection.execute(statement("lock_holder"), {"lock": LOCK}).fetchone()
        who = _holder(*holder) if holder else "its session ended this moment"
        raise PlatformError("another rotation of keys is running", where=who, next_step="wait for it; it can be run again afterwards")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (LOCK,))


@contextlib.contextmanager
def _session(platform: Platform, account: str) -> Iterator[psycopg.Connection]:
    import psycopg

    name = f"rotate keys {socket.gethostname()} {os.getpid()}"[:63]
    with psycopg.connect(platform.postgres_url(account), autocommit=True, connect_timeout=10, application_name=name) as connection:
        yield connection


def _with_new_key(stack: str, progress: Progress) -> KeyRing:
    """The ring with a key that nothing is sealed with yet, or that of the rotation which was interrupted."""
    ring = _ring(stack)
    if len(ring.live) > 1:
        progress.log(f"going on with the rotation to key {ring.active.number}")
        return ring
    from infra import stacks

    stacks.set_configuration(stack, "christmas:fieldKeys.newest", str(ring.active.number + 1))
    progress.status(f"making key {ring.active.number + 1}")
    stacks.up(stack, progress=progress)
    return _ring(stack)


def _retire(stack: str, ring: KeyRing, progress: Progress) -> None:
    """Retire all keys but the active one. The provider asks the database first whether a row needs one, and refuses then."""
    from infra import stacks

    stacks.set_configuration(stack, "christmas:fieldKeys.retiredBelow", str(ring.active.number))
    progress.status(f"retiring keys before {ring.active.number}")
    stacks.up(stack, progress=progress)


def _ring(stack: str) -> KeyRing:
    from infra import connections

    return from_json(connections.load(stack).field_keys)


def _refuse_incomplete(done: Resealed, ring: KeyRing) -> None:
    if not done.refused:
        return
    shown = shortened((_message(error) for error in done.refused), _TOLD)
    raise PlatformError(
        f"{len(done.refused)} rows could not be opened and stay as they are, {done.rows} are sealed with key {ring.active.number};"
        f" no key is retired: {shown}",
        where="user_profiles",
        next_step="mend the rows (docs/security.md), then run this again",
    )


def _holder(name: str, process: int, seconds: int | None) -> str:
    # The account's other login shows that the secret exists, but not since when.
    return f"{name}, server process {process}" + ("" if seconds is None else f", since {seconds} s")


def _message(error: FieldError) -> str:
    return f"{error.what} ({error.where})"
