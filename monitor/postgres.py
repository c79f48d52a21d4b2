"""The checks' way to PostgreSQL: as the account `monitor`, a few connections at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.statements import Statements
from infra import clients

if TYPE_CHECKING:
    import psycopg

    from infra.connections import Platform

ACCOUNT = "monitor"

# All checks run at once, and the account may have few connections: these leave room for the checks that try logins and greetings,
# for a second `invoke check`, and for a person who looks around meanwhile.
_AT_A_TIME = threading.BoundedSemaphore(3)


@contextlib.contextmanager
def connected(platform: Platform) -> Iterator[psycopg.Connection]:
    """A connection, as soon as fewer than three others are open in this process."""
    with _AT_A_TIME, clients.postgres(platform, ACCOUNT) as connection:
        yield connection


query = Statements(__file__)
