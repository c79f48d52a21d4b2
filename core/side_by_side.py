"""Several pieces of work at the same time, with one progress line for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from core import docker_client
from core.progress import Progress

_K = TypeVar("_K", bound=str)
_T = TypeVar("_T")


def side_by_side(jobs: Mapping[_K, Callable[[Progress], _T]], progress: Progress, at_once: int | None = None) -> dict[_K, Future[_T]]:
    """Run each job in a thread of its own, all or `at_once` of them at a time, and wait for all; a failure stays in its future.

    Where the wait is interrupted, jobs that haven't begun never do.
    """
    shared = _Shared(progress)
    docker_client.load()
    with ThreadPoolExecutor(max_workers=max(1, min(len(jobs), at_once or len(jobs))), thread_name_prefix="beside") as pool:
        try:
            running = {name: pool.submit(_shown, job, _Part(shared, name)) for name, job in jobs.items()}
            wait(running.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return running


def one_for_two_processors() -> int:
    """How many jobs at a time leave the engine's clients a core: one for each two of its processors (docs/adr/0410)."""
    return max(1, docker_client.engine_processors() // 2)


def _shown(job: Callable[[Progress], _T], part: _Part) -> _T:
    """Run the job; its part of the line goes with its end."""
    try:
        return job(part)
    finally:
        part.end()


class _Shared:
    """One progress line for several threads: it shows what each of them does."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._doing: dict[str, str] = {}

    def show(self, name: str, text: str) -> None:
        """Show that `name` now does `text`."""
        with self._lock:
            self._doing[name] = text
            self._progress.status(" · ".join(f"{name}: {doing}" for name, doing in self._doing.items()))

    def end(self, name: str) -> None:
        """Show `name` no longer."""
        with self._lock:
            self._doing.pop(name, None)

    def log(self, name: str, text: str) -> None:
        """Print a line."""
        with self._lock:
            self._progress.log(f"{name}: {text}")


class _Part:
    def __init__(self, shared: _Shared, name: str) -> None:
        self._shared = shared
        self._name = name

    def status(self, text: str) -> None:
        self._shared.show(self._name, text)

    def count(self, done: float, total: float, unit: str = "") -> None:
        self._shared.show(self._name, f"{done:g}/{total:g} {unit}" if total else f"{done:g} {unit}")

    def end(self) -> None:
        self._shared.end(self._name)

    def log(self, text: str) -> None:
        self._shared.log(self._name, text)
