"""The images, built once where they are missing, and a certificate authority for the session."""

from __future__ import annotations

import pytest

from airgap.images.build import ensure_images
from tests.support import scratch


@pytest.fixture(scope="session", autouse=True)
def images() -> dict[str, str]:
    scratch.remove_leftovers()
    return ensure_images()


@pytest.fixture(scope="session")
def authority() -> scratch.Authority:
    return scratch.new_authority()
