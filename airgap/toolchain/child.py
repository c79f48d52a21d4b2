"""Processes of the language host: the user's program, policy packs, installers. None outlives the host."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import IO

_PATIENCE = 4.0  # seconds between asking a child to end and killing it; the engine gives the host five seconds

# The engine ends a host by SIGINT to its whole process group. A child that got it too would print a KeyboardInterrupt into
# the user's output, so children ignore it and the host ends them by SIGTERM. They stay in the group, so that the
# engine's SIGKILL, if it comes, reaches them as well.
_DEAF_TO_INTERRUPTS = ("/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh")


class Children:
    """The running children of this process, so that all can be ended at once."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def started(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, *, piped: bool = False
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a child and yield it; it has ended when the block ends, for any reason."""
        pipe = subprocess.PIPE if piped else None
        with self._lock:
            if self._closed:
                raise InterruptedError("the language host is ending")
            process = subprocess.Popen(
                [*_DEAF_TO_INTERRUPTS, *command], env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
            self._running.add(process)
        try:
            yield process
        finally:
            end(process)
            with self._lock:
                self._running.discard(process)

    def end_all(self, *, close: bool = False) -> None:
        """End every child; with `close`, allow no new ones."""
        with self._lock:
            self._closed = self._closed or close
            running = list(self._running)
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in running:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill it after four seconds. Does nothing if it has ended."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stream_output(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield ("stdout" or "stderr", bytes) as a piped child writes them, until it has closed both."""
    queue: SimpleQueue[tuple[str, bytes]] = SimpleQueue()

    def pump(name: str, stream: IO[bytes]) -> None:
        with stream:
            # read1 returns available data instead of waiting for a full buffer: a plugin's port number must not wait.
            while chunk := stream.read1(65536):  # type: ignore[attr-defined]
                queue.put((name, chunk))
        queue.put((name, b""))

    open_streams = 0
    for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
        if stream is not None:
            threading.Thread(target=pump, args=(name, stream), daemon=True).start()
            open_streams += 1
    while open_streams:
        name, chunk = queue.get()
        if chunk:
            yield name, chunk
        else:
            open_streams -= 1
