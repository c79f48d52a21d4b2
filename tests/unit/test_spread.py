"""In which order the processes of a run go through the folders: by the servers that they have, then by the work that is left."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.spread import ONE_PROCESS, SHARING, FolderScheduling, pytest_make_parametrize_id

ROOT = Path(__file__).parents[2]
BACKUP, MONITOR, SECURITY, IMAGES, CHAIN, PLUGIN = (
    "tests/integration/backup/test_a.py",
    "tests/integration/monitor/test_a.py",
    "tests/integration/security/test_a.py",
    "tests/integration/images/test_a.py",
    "tests/end_to_end/test_a.py",
    "tests/integration/toolchain/test_a.py",
)


class Process:
    """Stands where a process of xdist does, and keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices


class Run(FolderScheduling):
    """A scheduling of one test a file that takes so many seconds, between so many processes."""

    def __init__(self, seconds: dict[str, float], monkeypatch: pytest.MonkeyPatch, count: int = 2) -> None:
        # What xdist's own reads of a configuration is how many processes there are, which are given here.
        monkeypatch.setattr("xdist.scheduler.loadscope.parse_tx_spec_config", lambda _config: ["popen"] * count)
        super().__init__(None, None)
        self._seconds = seconds
        self.tests = [f"{file}::test_it" for file in seconds]
        self.workqueue = OrderedDict((self._split_scope(test), {}) for test in self.tests)
        for test in self.tests:
            self.workqueue[self._split_scope(test)][test] = False
        self.processes = [Process() for _ in range(count)]
        self.registered_collections = dict.fromkeys(self.processes, self.tests)

    def next(self, which: int) -> list[str]:
        """The files that a process is given when it has nothing left."""
        before = len(self.processes[which].given)
        self._assign_work_unit(self.processes[which])
        return [self.tests[index].partition("::")[0] for index in self.processes[which].given[before:]]


@pytest.mark.parametrize("folder", sorted({*ONE_PROCESS, *(folder for sharing in SHARING for folder in sharing)}))
def test_the_folders_that_are_named_have_tests(folder: str) -> None:
    assert list((ROOT / folder).glob("test_*.py"))


def test_the_folder_with_the_most_work_comes_first_and_a_process_stays_in_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    more = BACKUP.replace("test_a", "test_b")
    run = Run({IMAGES: 20, BACKUP: 15, more: 10}, monkeypatch)
    assert [run.next(0), run.next(1), run.next(0)] == [[BACKUP], [IMAGES], [more]]


def test_a_process_goes_on_where_its_servers_are_used_though_there_is_more_work_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run({BACKUP: 30, IMAGES: 20, MONITOR: 5}, monkeypatch, count=1)
    assert [run.next(0) for _ in range(3)] == [[BACKUP], [MONITOR], [IMAGES]]


def test_servers_that_another_process_has_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run({BACKUP: 30, MONITOR: 20, SECURITY: 5}, monkeypatch)
    assert [run.next(0), run.next(1), run.next(0)] == [[BACKUP], [SECURITY], [MONITOR]]


@pytest.mark.parametrize("first", [CHAIN, PLUGIN], ids=["a whole stack", "one set of names"])
def test_what_is_there_once_is_one_processs(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    more = first.replace("test_a", "test_b")
    run = Run({first: 30, more: 20, IMAGES: 40}, monkeypatch)
    assert sorted(run.next(0)) == [first, more]
    assert run.next(1) == [IMAGES]


def test_at_the_end_a_process_helps_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    more = BACKUP.replace("test_a", "test_b")
    run = Run({BACKUP: 30, more: 20, IMAGES: 5}, monkeypatch)
    assert [run.next(0), run.next(1), run.next(1)] == [[BACKUP], [IMAGES], [more]]


def test_what_is_compressed_while_tests_are_collected_is_in_no_tests_name() -> None:
    assert pytest_make_parametrize_id(gzip.compress(b"PAR1"), "inner") == "inner"
    assert pytest_make_parametrize_id(b"PAR1", "inner") is None
