"""A server of this folder's own: what others do to roles would be told here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres_server import ScratchServer, run_scratch_server


@pytest.fixture(scope="package")
def scratch_server() -> Iterator[ScratchServer]:
    """In place of the one that folders share."""
    with run_scratch_server() as server:
        yield server
