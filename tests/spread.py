"""How the tests are spread over processes: a folder stays in one, so that what its tests share is made once."""

import time
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

NO_TIME = "no time was left for it"

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


def pytest_addoption(parser):
    parser.addoption("--no-new-tests-after", type=float, metavar="SECONDS", help="a point in Unix time after which no test is started")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    latest = item.config.getoption("no_new_tests_after")
    if latest is not None and time.time() > latest:
        pytest.skip(NO_TIME)


def pytest_terminal_summary(terminalreporter):
    without_time = [each.nodeid for each in terminalreporter.stats.get("skipped", ()) if NO_TIME in str(each.longrepr)]
    if without_time:
        terminalreporter.section(f"{len(without_time)} tests found no time")
        for nodeid in sorted(without_time):
            terminalreporter.line(nodeid)
