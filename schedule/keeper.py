"""The schedule in the background: each stack has a keeper, which starts the schedule, restarts it, and keeps its log.

`python -m schedule.keeper STACK` is the keeper; its child, `schedule.kept`, is the schedule. The child holds the other end of a
pipe, so it ends with its keeper, however that ends. `--after-boot` is for a start at boot, by systemd or cron.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from logging import Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from core import lock
from core.errors import PlatformError
from core.patience import patience
from core.waiting import until
from core.yielding import yield_processor
from infra.connections import ROOT
from monitor import signs
from schedule.decide import pause_after

_LOG_BYTES, _LOGS = 2_000_000, 3
_START_SECONDS = 20.0
_STOP_SECONDS = 2 * 3600.0
_LIVED = SCHEDULE_RULES.late_after.total_seconds()  # after that time an end is not counted as a repeated failure
_SHOWN = 8
NOTHING_LEFT = 3
"""Exit code of a schedule whose stack is gone."""


def start(stack: str, begin: Callable[[], None] | None = None) -> str:
    """Start a keeper if none is running, and wait until its schedule runs. Returns what was done.

    `begin` lets another program start it, for example systemd; otherwise it is a child of this process. Raises PlatformError with the
    end of the log if it does not come up.
    """
    folder = _folder(stack)
    if lock.is_held(folder):
        return f"the schedule of stack {stack} runs (process {lock.process_of(folder)})"
    if signs.runs(signs.folder_of(stack)):
        return f"the schedule of stack {stack} runs, started by hand (process {lock.process_of(signs.folder_of(stack))})"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_of(stack).touch(mode=0o600)
    process = 0
    if begin is not None:
        begin()
    else:
        process = _detached([sys.executable, "-m", "schedule.keeper", stack], log_of(stack))
    ended, deadline = False, time.monotonic() + patience(_START_SECONDS)
    while not signs.runs(signs.folder_of(stack)):
        ended = ended or bool(process and os.waitpid(process, os.WNOHANG)[0])
        # If another process started one at the same time, that one comes up.
        if (ended and not lock.is_held(folder)) or time.monotonic() > deadline:
            last = "\n".join(last_lines(stack))
            raise PlatformError(
                what=f"the schedule does not come up; the last lines of its log:\n{last}",
                where=str(log_of(stack)),
                next_step="fix that, then: invoke schedule.start",
            )
        time.sleep(0.1)
    return f"the schedule of stack {stack} runs (process {process or lock.process_of(folder)}); its log: {log_of(stack)}"


def _detached(command: list[str], log: Path) -> int:
    """Start a process in a new session, so that it outlives this one; returns its id."""
    with Path(os.devnull).open("rb") as nothing, log.open("ab") as said:
        files = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), 0), *((os.POSIX_SPAWN_DUP2, said.fileno(), number) for number in (1, 2))]
        return os.posix_spawn(command[0], command, os.environ, file_actions=files, setsid=True)


def renew(stack: str) -> str:
    """Make a running schedule restart after its present run, for new code and settings; returns "" if none runs."""
    process = lock.process_of(_folder(stack))
    if process is None:
        return ""
    _tell(process, signal.SIGHUP)
    return f"the schedule of stack {stack} runs (process {process})"


def stop(stack: str, *, now: bool = False) -> str:
    """Stop keeper and schedule and wait for their end; the present run is finished first, unless `now`. Returns "" if none runs.

    Raises PlatformError if it does not end.
    """
    process = lock.process_of(_folder(stack)) or lock.process_of(signs.folder_of(stack))
    if process is None:
        return ""
    _tell(process, signal.SIGTERM)
    if now:
        time.sleep(0.5)
        if _is_at_work(stack):
            _tell(process, signal.SIGTERM)
    if not until(lambda: not _is_at_work(stack), _STOP_SECONDS, pause=0.1):
        raise PlatformError(
            what=f"the schedule of stack {stack} does not end",
            where=f"process {process}",
            next_step="invoke schedule.stop --now ends it at once; the next run removes what it leaves",
        )
    return f"the schedule of stack {stack} is stopped"


@contextlib.contextmanager
def paused(stack: str) -> Iterator[None]:
    """Stop the schedule at once to take the stack down; if that fails, start it again."""
    from core.leftovers import remove_of_dead_processes

    if not stop(stack, now=True):
        yield
        return
    remove_of_dead_processes()
    try:
        yield
    except BaseException:
        start(stack)
        raise


def log_of(stack: str) -> Path:
    """The log's file; older parts are beside it, numbered."""
    return signs.folder_of(stack) / "log"


def last_lines(stack: str, count: int = _SHOWN) -> list[str]:
    """The end of the log."""
    path = log_of(stack)
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:] if path.exists() else []


def _folder(stack: str) -> Path:
    return signs.keeper_folder(signs.folder_of(stack))


def _tell(process: int, number: int) -> None:
    """Send a signal to a process, which may have ended since its lock was read."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _is_at_work(stack: str) -> bool:
    return lock.is_held(_folder(stack)) or signs.runs(signs.folder_of(stack))


class _Keeper:
    """Runs the child until it is stopped."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._log = RotatingFileHandler(log_of(stack), maxBytes=_LOG_BYTES, backupCount=_LOGS, encoding="utf-8")
        self._log.setFormatter(Formatter("%(message)s"))
        self._stopping = threading.Event()
        self._renewing = False
        self._child: subprocess.Popen[str] | None = None

    def keep(self) -> bool:
        """Work until stopped; returns whether work is left."""
        failures = 0
        while not self._stopping.is_set():
            began, self._renewing = time.monotonic(), False
            code = self._run()
            if not self._stopping.is_set() and (code == NOTHING_LEFT or not ROOT.exists()):
                return False
            if self._stopping.is_set():
                return True
            if self._renewing and code == 0:
                failures = 0
                continue
            failures = 1 if time.monotonic() - began > _LIVED else failures + 1
            pause = pause_after(failures).total_seconds() if failures > 1 else 1.0
            self._say(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} schedule: ended with {code}; started again in {pause:.0f} s")
            self._stopping.wait(pause)
        return True

    def _run(self) -> int:
        command = [sys.executable, "-m", "schedule.kept", self._stack]
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        if self._stopping.is_set():
            self._child.terminate()
        for line in self._child.stdout or ():
            self._say(line.rstrip("\n"))
        return self._child.wait()

    def _say(self, line: str) -> None:
        self._log.emit(LogRecord("schedule", 0, "", 0, line, None, None))

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Pass the signal to the child, each time again: the second one ends it at once."""
        self._stopping.set()
        self._tell(signal.SIGTERM)

    def renew(self, _number: int, _frame: FrameType | None) -> None:
        """Let the child end after its run; the next one starts with the new code and settings."""
        if not self._renewing:
            self._renewing = True
            self._tell(signal.SIGTERM)

    def _tell(self, number: int) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def main(arguments: list[str]) -> int:
    """The keeper."""
    from schedule import remembered

    stack = arguments[-1]
    if arguments[0] == "--after-boot":
        remembered.recall(stack)
    os.chdir(ROOT)  # the folder it was started from may be removed
    keeper = _Keeper(stack)
    # Before the lock: others send signals once they see it held, and unhandled ones would end the keeper.
    signal.signal(signal.SIGTERM, keeper.stop)
    signal.signal(signal.SIGINT, keeper.stop)
    signal.signal(signal.SIGHUP, keeper.renew)
    with lock.hold(_folder(stack), "keeping the schedule"):
        yield_processor()
        goes_on = keeper.keep()
    if not goes_on and ROOT.exists():
        from schedule import boot

        boot.remove(stack)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except lock.HeldError as error:
        from schedule.units import HELD

        print(error, file=sys.stderr)
        sys.exit(HELD)
    except PlatformError as error:
        sys.exit(str(error))
