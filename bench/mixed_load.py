"""False alarms of a stack that is used as usual: `python -m bench.mixed_load [--minutes 120] [--stack NAME]`.

Clients read, write, search and log in; sets, a drill and new keys come in between, beside what the schedule does by itself. All checks run
once a minute. No fault is made, so each critical is a false one. Without `--stack` it works on a stack of its own and removes it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.idle import ROOT, removed_afterwards
from bench.measured import Figure, add_options, show
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.sessions import Sessions
from infra import connections
from infra.clients import postgres, redis_client, weaviate_client
from infra.connections import Platform
from monitor.result import Status

_EVERY_SECONDS = 60.0
_STAYS_LOGGED_IN_SECONDS = 30.0
_TRIES = 5
_WORK = (
    ("backup",),
    ("accounts.rotate", "api"),
    ("backup.drill",),
    ("accounts.rotate", "--keys"),
    ("backup", "--full"),
    ("accounts.rotate", "embedder"),
    ("seed.cache",),
    ("backup",),
    ("up",),
    ("backup.prune",),
)
"""What people do in such a time, at equal distances. What finds another run at its work is tried again with the next checks."""


def main() -> int:
    """Measure, print, clean up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0, help="how long")
    parser.add_argument("--stack", help="a stack that runs, with what the seed writes; default: one of its own")
    add_options(parser)
    options = parser.parse_args()
    if options.stack:
        return show("Mixed load", _figures(options.stack, options.minutes), options)
    stack = f"bench-{os.getpid()}"
    with removed_afterwards(stack) as invoke:
        for task in ("up", "migrate", "seed", "backup"):
            invoke(task)
        figures = _figures(stack, options.minutes)
    return show("Mixed load", figures, options)


@dataclass
class Alarms:
    """What the checks said that was not ok before the load as well. An alarm counts once, however many looks in a row tell it."""

    usual: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    standing: dict[str, str] = field(default_factory=dict)

    def look(self, checks: list[dict[str, Any]], beside: str) -> None:
        """Count what is new in one run of all checks; `beside` says what was done meanwhile."""
        said = {check["name"]: check for check in checks if check["status"] != Status.OK}
        for name, check in said.items():
            if check["status"] in (self.usual.get(name), self.standing.get(name)):
                continue
            self.counts[check["status"]] += 1
            _tell(f"{check['status']}: {name}: {check['message']} ({check['seconds']:g} s; beside: {beside or 'the clients'})")
        self.standing = {name: check["status"] for name, check in said.items()}


def _figures(stack: str, minutes: float) -> list[Figure]:
    started, _ = _look(stack)
    alarms = Alarms({check["name"]: check["status"] for check in started if check["status"] != Status.OK})
    _tell(f"not ok before: {', '.join(f'{name} {status}' for name, status in alarms.usual.items()) or 'nothing'}")
    began, pending, taken = time.monotonic(), list(_WORK), []
    with used(stack) as use, _People(stack) as people:
        for number in itertools.count(1):
            time.sleep(max(0.0, began + number * _EVERY_SECONDS - time.monotonic()))
            passed = (time.monotonic() - began) / 60 / minutes
            if passed >= 1:
                break
            if pending and passed >= (len(_WORK) - len(pending) + 0.5) / len(_WORK) and people.begin(pending[0]):
                pending.pop(0)
            checks, seconds = _look(stack)
            taken.append(seconds)
            alarms.look(checks, people.doing)
    worst = f"of {len(taken)} runs of all checks"
    failed = sum(use.failed.values())
    _tell(f"{sum(use.done.values())} requests of clients ({dict(use.done)}), {failed} failed; {alarms.counts['warning']} warnings")
    return [
        Figure(f"false criticals in {minutes:g} minutes of mixed load", alarms.counts["critical"], "", 1),
        Figure("checks that could not be done", alarms.counts["unknown"], "", 1),
        Figure("people's tasks that failed", people.failed, "", 1),
        Figure(f"the slowest {worst}, start of the process included", max(taken, default=0.0), "s", 30),
    ]


def _look(stack: str) -> tuple[list[dict[str, Any]], float]:
    """What `invoke check` says, and the seconds that it takes."""
    began = time.monotonic()
    done = _invoke(stack, "check", "--json")
    try:
        return json.loads(done.stdout)["checks"], time.monotonic() - began
    except ValueError:
        sys.exit(f"invoke check tells nothing:\n{done.stdout}{done.stderr}")


class _People:
    """Who does one task after another, each beside the checks. Use it with `with`."""

    def __init__(self, stack: str) -> None:
        self.failed, self.doing = 0, ""
        self._stack, self._thread = stack, threading.Thread()

    def __enter__(self) -> _People:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._thread.join()

    def begin(self, task: tuple[str, ...]) -> bool:
        """Begin a task, unless the one before still runs."""
        if self._thread.is_alive():
            return False
        self._thread = threading.Thread(target=self._do, args=(task,), daemon=True)
        self._thread.start()
        return True

    def _do(self, task: tuple[str, ...]) -> None:
        self.doing, began = " ".join(task), time.monotonic()
        for number in range(_TRIES):
            done = _invoke(self._stack, *task)
            if done.returncode == 0 or "invoke" not in done.stderr:
                break
            if number < _TRIES - 1:
                time.sleep(_EVERY_SECONDS)  # the schedule may be at its own work
        ending = "" if done.returncode == 0 else f" FAILED with {done.returncode}: {done.stdout[-500:]}{done.stderr[-1000:]}"
        self.failed += done.returncode != 0
        _tell(f"invoke {self.doing}: {time.monotonic() - began:.0f} s, {number + 1} tries{ending}")
        self.doing = ""


@dataclass
class Use:
    """How many requests the clients made, and how many failed."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@contextmanager
def used(stack: str) -> Iterator[Use]:
    """Clients as those of applications until the block ends: logged in for half a minute each time, with the settings of that moment."""
    use, over = Use(), threading.Event()
    threads = [threading.Thread(target=_client, args=(stack, work, pause, use, over), daemon=True) for work, pause in _CLIENTS]
    for thread in threads:
        thread.start()
    try:
        yield use
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _client(stack: str, work: Callable[[Platform], Iterator[None]], pause: float, use: Use, over: threading.Event) -> None:
    name = work.__name__.strip("_")
    while not over.is_set():
        try:
            platform = connections.load(stack)
            began = time.monotonic()
            for _ in work(platform):
                use.done[name] += 1
                if over.wait(pause) or time.monotonic() - began > _STAYS_LOGGED_IN_SECONDS:
                    break
        except Exception as error:  # whatever it is, a user would have seen it
            use.failed[name] += 1
            _tell(f"a client of {name} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            over.wait(1)


def _candles(platform: Platform) -> Iterator[None]:
    with postgres(platform, "ingest", autocommit=True) as connection:
        while True:
            connection.execute(
                "insert into market_data (symbol, timestamp, open, high, low, close, volume)"
                " values ('MIXED', clock_timestamp(), 1, 1, 1, 1, 1)"
            )
            yield


def _prices(platform: Platform) -> Iterator[None]:
    with postgres(platform, "api", autocommit=True) as connection:
        for number in itertools.count():
            if number % 10 == 0:
                connection.execute("update users set is_active = is_active where id = (select min(id) from users)")
            connection.execute("select * from market_data where symbol = 'MIXED' order by timestamp desc limit 100").fetchall()
            yield


def _logins(platform: Platform) -> Iterator[None]:
    with postgres(platform, "api", autocommit=True) as connection, redis_client(platform, "api") as client:
        users = connection.execute("select id, username from users where is_active order by id limit 50").fetchall()
        sessions = Sessions(client)
        for user_id, username in itertools.cycle(users):
            token = str(sessions.create(user_id, username, ["trader"]).token)
            sessions.touch(token)
            client.set(f"rate_limit:192.0.2.{user_id % 250}", 1, ex=60)
            yield
            sessions.end(token)


def _questions(platform: Platform) -> Iterator[None]:
    with weaviate_client(platform, "rag") as store:
        documents = store.collections.use(CHRISTMAS_DOCUMENT.name)
        for number in itertools.count():
            if number % 5 == 0:
                documents.query.near_text(f"what is kept of question {number}?", limit=5)
            else:
                documents.query.bm25(f"question {number} of backup", limit=5)
            yield


_CLIENTS = ((_candles, 0.1), (_prices, 0.2), (_logins, 0.2), (_questions, 1.0))


def _invoke(stack: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a task as whoever types it: in a session of its own, which the kernel gives its share."""
    line = [str(ROOT / ".venv/bin/invoke"), *words, "--stack", stack]
    return subprocess.run(line, cwd=ROOT, check=False, capture_output=True, text=True, start_new_session=True)


def _tell(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S', time.gmtime())} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
