"""How the tests are spread over processes: a folder stays in one, so that what its tests share is made once."""

from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

# Helpers of tests assert, too: their failures tell what they compared.
pytest.register_assert_rewrite("tests.support")


class FolderScheduling(LoadScopeScheduling):
    """Hands out a folder at a time; of unit tests, which share nothing and are quick, a file."""

    def _split_scope(self, nodeid):
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file) if "unit" in file.parts else str(file.parent)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config, log):
    return FolderScheduling(config, log)
