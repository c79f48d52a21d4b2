"""Progress of long work: one live line on a terminal, plain lines in a pipe. Standard library only, so that the bootstrap can use it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Protocol, TextIO

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_INTERVAL = 10.0  # seconds between two lines of the same counter in a pipe


class Progress(Protocol):
    """Reports of a long piece of work to its caller."""

    def status(self, text: str) -> None:
        """Report the present activity; replaces the earlier one."""

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Report the position in the present activity: `done` of `total`, in `unit` ("MB", "images", …)."""

    def log(self, text: str) -> None:
        """Print a line that stays."""


class SilentProgress:
    """Prints nothing: for callers that print JSON, and for tests."""

    def status(self, text: str) -> None:
        """Ignore the text."""

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Ignore the numbers."""

    def log(self, text: str) -> None:
        """Ignore the text."""


class PlainProgress:
    """One line for each new status, and at most one every ten seconds for a counter: for log files."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._last_status = ""
        self._last_count = 0.0

    def status(self, text: str) -> None:
        """Print the text, once."""
        if text != self._last_status:
            self._last_status = text
            self._last_count = time.monotonic()
            self.log(text)

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Print the position, at most every ten seconds."""
        now = time.monotonic()
        if now - self._last_count >= _PLAIN_INTERVAL:
            self._last_count = now
            self.log(f"{self._last_status} {format_count(done, total, unit)}".strip())

    def log(self, text: str) -> None:
        """Print the text."""
        print(f"  {self._title}: {text}" if self._title else f"  {text}", file=self._stream, flush=True)


class TerminalProgress:
    """A spinner, the status, a bar and the seconds so far on the terminal's last line, redrawn eight times a second."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._text = ""
        self._count: tuple[float, float, str] | None = None
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def start(self) -> None:
        """Begin drawing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop drawing and clear the line."""
        self._stopped.set()
        self._thread.join()
        with self._lock:
            self._wipe()
            self._stream.flush()

    def status(self, text: str) -> None:
        """Show the text from the next frame on."""
        with self._lock:
            self._text = text
            self._count = None

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Show a bar from the next frame on."""
        with self._lock:
            self._count = (done, total, unit)

    def log(self, text: str) -> None:
        """Print the text above the live line, as a detail of its step."""
        self.line(f"  {text}")

    def line(self, text: str) -> None:
        """Print a full line above the live one."""
        with self._lock:
            self._wipe()
            print(text, file=self._stream, flush=True)

    def _wipe(self) -> None:
        self._stream.write("\r\x1b[2K")

    def _spin(self) -> None:
        frame = 0
        while not self._stopped.is_set():
            with self._lock:
                self._wipe()
                self._stream.write(self._line(_FRAMES[frame % len(_FRAMES)]))
                self._stream.flush()
            frame += 1
            self._stopped.wait(0.125)

    def _line(self, spinner: str) -> str:
        parts = [part for part in (self._title, self._text) if part]
        if self._count is not None:
            done, total, unit = self._count
            filled = round(20 * min(1.0, done / total)) if total else 0
            parts.append(f"{'━' * filled}{'╌' * (20 - filled)} {format_count(done, total, unit)}")
        line = f"{spinner} {' … '.join(parts)} ({format_seconds(time.monotonic() - self._started)})"
        return line[: shutil.get_terminal_size().columns - 1]


def format_count(done: float, total: float, unit: str = "") -> str:
    """Return e.g. `3/7 images` or, with an unknown total of 0, `3 images`."""
    numbers = f"{done:g}/{total:g}" if total else f"{done:g}"
    return f"{numbers} {unit}".rstrip()


def format_seconds(seconds: float) -> str:
    """Return a duration for people: `0.3 s`, `12 s`, `2 min 5 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def is_terminal(stream: TextIO) -> bool:
    """Whether a live line can be drawn there: a terminal with escape sequences and the spinner's characters."""
    import os

    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"} and encoding.startswith("utf")


@contextlib.contextmanager
def show_progress(title: str = "", stream: TextIO | None = None) -> Iterator[Progress]:
    """Yield the right `Progress` for `stream` (standard error by default); standard output stays free for a command's result."""
    stream = sys.stderr if stream is None else stream
    if not is_terminal(stream):
        yield PlainProgress(title, stream)
        return
    live = TerminalProgress(title, stream)
    live.start()
    try:
        yield live
    finally:
        live.stop()
