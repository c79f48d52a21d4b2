"""One platform that goes through many histories of restores upon restores, each with a folder of sets of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backup_faults import Sets
from tests.support.scratch_platform import fill, run_scratch_platform


@pytest.fixture(scope="package")
def platform_of_histories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sets]:
    with run_scratch_platform() as running:
        fill(running.platform, candles=50, documents=10)
        yield Sets(running.platform, Path("unset"), running.passphrase, tmp_path_factory.mktemp("killed"))
