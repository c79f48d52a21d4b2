"""One platform for the tests that kill what is at work, with a little data, and the sets that must outlive it all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.backup_faults import Sets
from tests.support.scratch_platform import fill, run_scratch_platform


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sets]:
    """A platform with a full set of it, which has been verified."""
    with run_scratch_platform(repository_mib=512) as running:
        fill(running.platform, candles=500, documents=100)
        found = Sets(running.platform, tmp_path_factory.mktemp("sets"), running.passphrase, tmp_path_factory.mktemp("killed"))
        full = found.make("full")
        found.assert_good(full.id)
        yield found
