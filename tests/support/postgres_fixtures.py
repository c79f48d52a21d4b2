"""Fixtures on a scratch TimescaleDB server, for tests/integration/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.connections import Platform
from migrations import run
from tests.support.postgres_server import ScratchServer, run_scratch_server

__all__ = ["empty_platform", "migrated_platform", "migrated_server", "scratch_server"]


@pytest.fixture(scope="session")
def scratch_server() -> Iterator[ScratchServer]:
    """One server for all folders that need no more than a database of their own."""
    with run_scratch_server() as server:
        yield server


@pytest.fixture
def empty_platform(scratch_server: ScratchServer) -> Platform:
    """The platform with a new, empty database: what provisioning leaves behind."""
    scratch_server.fresh_database()
    return scratch_server.platform


@pytest.fixture
def migrated_platform(scratch_server: ScratchServer) -> Platform:
    """The platform at head, without rows."""
    _migrate(scratch_server)
    return scratch_server.platform


@pytest.fixture(scope="module")
def migrated_server(scratch_server: ScratchServer) -> ScratchServer:
    """At head, made once for a module whose tests leave nothing behind."""
    _migrate(scratch_server)
    return scratch_server


def _migrate(server: ScratchServer) -> None:
    """A fresh database at head: migrated once, then copied."""
    if not server.has_template("scratch_head"):
        server.fresh_database()
        run.upgrade(server.platform)
        server.keep_as_template("scratch_head")
    server.fresh_database("scratch_head")
