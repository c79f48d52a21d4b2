"""Jobs in threads: how many at a time, and what becomes of those that wait when somebody interrupts."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.progress import SilentProgress
from core.side_by_side import side_by_side


@pytest.mark.parametrize(("at_once", "together"), [(1, 1), (2, 2), (None, 3), (9, 3)])
def test_so_many_run_at_a_time(at_once: int | None, together: int) -> None:
    guard, full, running, most = threading.Lock(), threading.Event(), 0, 0

    def job(_: object) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        full.wait(0.05 if most == together else 30)
        if most == together:
            full.set()
        with guard:
            running -= 1

    jobs = dict.fromkeys(("postgres", "redis", "weaviate"), job)
    done = side_by_side(jobs, SilentProgress(), at_once)
    assert [future.result(timeout=0) for future in done.values()] == [None, None, None]
    assert most == together


def test_a_failure_stays_in_its_future_and_the_next_job_runs() -> None:
    def fail(_: object) -> None:
        raise ValueError("of this job")

    done = side_by_side({"first": fail, "second": lambda _: None}, SilentProgress(), 1)
    assert str(done["first"].exception()) == "of this job"
    assert done["second"].exception() is None


class _Lines(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def status(self, text: str) -> None:
        self.lines.append(text)


def test_the_line_shows_what_runs_now() -> None:
    progress = _Lines()
    side_by_side({name: lambda part: part.status("at work") for name in ("postgres", "redis")}, progress, 1)
    assert progress.lines == ["postgres: at work", "redis: at work"]


_INTERRUPTED = """
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from core.progress import SilentProgress
from core.side_by_side import side_by_side

interrupted, end = threading.Event(), ThreadPoolExecutor.shutdown

def shutdown(pool, wait=True, **options):
    end(pool, wait=False, **options)
    interrupted.set()
    end(pool, wait=wait)

ThreadPoolExecutor.shutdown = shutdown

def first(_):
    print("first began", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    interrupted.wait(60)
    print("first ended", flush=True)

side_by_side({"first": first, "second": lambda _: print("second began", flush=True)}, SilentProgress(), 1)
"""


def test_what_waits_never_begins_after_an_interruption() -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED], cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.splitlines() == ["first began", "first ended"]
    assert "KeyboardInterrupt" in done.stderr
