"""Fixtures for tests on a real Docker engine and through the real Pulumi CLI."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.integration.toolchain.docker_lab import Lab, client, remove_leftovers


@pytest.fixture(scope="session", autouse=True)
def _clean_engine() -> Iterator[None]:
    """Remove what an earlier run left, and in the end what this one did."""
    remove_leftovers()
    yield
    remove_leftovers()


@pytest.fixture
def engine() -> Iterator[docker.APIClient]:
    """Return a client of the local Docker engine."""
    with contextlib.closing(client()) as connected:
        yield connected


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Return a stack of its own, whose resources are gone afterwards whatever happened."""
    yield Lab(tmp_path)
    remove_leftovers()
