"""How the tests are spread over processes, and how long they may take.

A file stays in one process. A process goes through the files of one folder, whose servers are started once; when none is left it begins
a folder that nobody has begun: first one that uses the servers that it has running already, then the one with the most work. At the end it
takes files from a folder that another process still has work in.

Loaded with every run, so what holds for every test stands here, too. (pytest-alembic takes `tests/conftest.py` for its own.)

`--record-durations` writes what each file took into `tests/durations.json`, which this order goes by, and the slowest tests into
`bench/slowest-tests.md`.
"""

import json
import signal
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

# What these start takes minutes, and is there once: root file systems, and a whole stack. The Docker plugin's tests have one set of names
# (those in the observation of the official plugin), and each begins by taking away whatever has one of them.
ONE_PROCESS = {"tests/bare_machine", "tests/end_to_end", "tests/integration/toolchain"}
# Folders that use the same servers: see tests/integration/conftest.py.
SHARING = (
    frozenset({"tests/integration/backup", "tests/integration/monitor"}),
    frozenset(f"tests/integration/{each}" for each in ("migrations", "monitor_relational", "security", "seed_relational", "troubled")),
)
NO_TIME = "no time was left for it"
DURATIONS = Path(__file__).with_name("durations.json")
SLOWEST = Path(__file__).parents[1] / "bench" / "slowest-tests.md"
Servers = frozenset[str]
_SECONDS_OF_A_NEW_TEST = 1.0
_SHOWN = 50
_SHOWN_OF_A_FAILURE = 2_000  # characters, from its end

# A shell ignores interrupts for what it starts in the background, and so does all that is started from there: programs that tests
# interrupt would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Helpers of tests assert, too: their failures tell what they compared.
pytest.register_assert_rewrite("tests.support")

# Hypothesis judges what the code does, not how long a busy machine takes for an example.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What `make test` tries is the same each time: a run before a commit tells of the commit. `make test-all` looks for new examples.
settings.register_profile("each time the same", settings.get_profile("any machine"), derandomize=True)
settings.load_profile("any machine")


class FolderScheduling(LoadScopeScheduling):
    """Hands out files, so that a process stays in its folder as long as there is work in it."""

    def __init__(self, config, log):
        super().__init__(config, log)
        self._seconds = json.loads(DURATIONS.read_text()) if DURATIONS.is_file() else {}
        self._folder_of = {}
        self._servers_of: defaultdict[Any, set[Servers]] = defaultdict(set)

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return _folder(file) if _folder(file) in ONE_PROCESS else file

    def _seconds_of(self, tests):
        count = Counter(nodeid.partition("::")[0] for nodeid in tests)
        return sum(self._seconds.get(file, _SECONDS_OF_A_NEW_TEST * number) for file, number in count.items())

    def _assign_work_unit(self, node):
        left: defaultdict[str, float] = defaultdict(float)
        seconds = {unit: self._seconds_of(tests) for unit, tests in self.workqueue.items()}
        for unit, taken in seconds.items():
            left[_folder_of_unit(unit)] += taken
        own = self._folder_of.get(node)
        if own not in left:
            others = {folder for worker, folder in self._folder_of.items() if worker is not node}
            servers = self._servers_of[node]
            elsewhere = set().union(*(begun for worker, begun in self._servers_of.items() if worker is not node)) - servers
            own = max(
                left,
                key=lambda folder: (folder not in others, _servers(folder) in servers, _servers(folder) not in elsewhere, left[folder]),
            )
            self._folder_of[node] = own
            servers.add(_servers(own))
        longest = max((unit for unit in self.workqueue if _folder_of_unit(unit) == own), key=lambda unit: seconds[unit])
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


def _servers(folder: str) -> Servers:
    """What stands for the servers of a folder: all folders that use them."""
    return next((sharing for sharing in SHARING if folder in sharing), frozenset({folder}))


def _folder(file):
    return str(PurePosixPath(file).parent)


def _folder_of_unit(unit):
    return unit if unit in ONE_PROCESS else _folder(unit)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config, log):
    return FolderScheduling(config, log)


def pytest_addoption(parser):
    parser.addoption("--no-new-tests-after", type=float, metavar="SECONDS", help="a point in Unix time after which no test is started")
    parser.addoption("--record-durations", action="store_true", help="write how long the tests took to where their order is taken from")


@pytest.hookimpl
def pytest_make_parametrize_id(val, argname):
    """Name a test by its argument where that is no text: compressed bytes hold their time, and two processes collected different tests."""
    return argname if isinstance(val, bytes) and not val.decode("latin-1").isprintable() else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    latest = item.config.getoption("no_new_tests_after")
    if latest is not None and time.time() > latest:
        pytest.skip(NO_TIME)


class FailuresAtOnce:
    """Shows a failure when it happens: a run of an hour that is cut off has said what failed."""

    def __init__(self, config):
        self._config = config

    def pytest_runtest_logreport(self, report):
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            terminal.write_line(f"\nFAILED {report.nodeid} ({report.when})")
            terminal.write_line(report.longreprtext[-_SHOWN_OF_A_FAILURE:])


def pytest_configure(config):
    if config.getoption("markexpr") == "not exhaustive":
        settings.load_profile("each time the same")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


def pytest_terminal_summary(terminalreporter):
    without_time = [each.nodeid for each in terminalreporter.stats.get("skipped", ()) if NO_TIME in str(each.longrepr)]
    if without_time:
        terminalreporter.section(f"{len(without_time)} tests found no time")
        for nodeid in sorted(without_time):
            terminalreporter.line(nodeid)
    if terminalreporter.config.getoption("record_durations"):
        _record([report for reports in terminalreporter.stats.values() for report in reports if hasattr(report, "duration")])


def _record(reports):
    files: defaultdict[str, float] = defaultdict(float)
    tests: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        files[report.nodeid.partition("::")[0]] += report.duration
        tests[report.nodeid] += report.duration
    known = json.loads(DURATIONS.read_text()) if DURATIONS.is_file() else {}
    seconds = {file: round(value, 1) for file, value in sorted((known | files).items()) if Path(file).is_file()}
    DURATIONS.write_text(json.dumps(seconds, indent=1) + "\n")
    slowest = sorted(tests.items(), key=lambda each: -each[1])[:_SHOWN]
    rows = [f"| {value:.1f} | `{nodeid.removeprefix('tests/')}` |" for nodeid, value in slowest]
    total = f"The {_SHOWN} slowest of {len(tests)} tests; all together took {sum(tests.values()) / 60:.0f} minutes of one process."
    command = "Written by `make test ARGS=--record-durations`, with what each test waited for its servers to start."
    SLOWEST.write_text("\n".join(["# The slowest tests", "", command, "", total, "", "| seconds | test |", "| ---: | --- |", *rows]) + "\n")
