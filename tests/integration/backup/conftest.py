"""One platform in scratch containers for this room's tests, with candles, users, sessions and documents in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scratch_platform import ScratchPlatform, fill, run_scratch_platform


@pytest.fixture(scope="package")
def scratch_platform() -> Iterator[ScratchPlatform]:
    with run_scratch_platform() as running:
        fill(running.platform)
        yield running
