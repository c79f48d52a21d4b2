"""The image of Prometheus and its neighbours, built once where it is missing. Only the exhaustive tests need it."""

from __future__ import annotations

import pytest

from airgap.images.build import ensure_images
from tests.support import scratch


@pytest.fixture(scope="session")
def image() -> str:
    scratch.remove_leftovers()
    return ensure_images(["monitoring"])["monitoring"]
