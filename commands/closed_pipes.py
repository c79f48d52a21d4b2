"""Output into a pipe that its reader closes, as in `invoke backup.list | head -1`: the task ends quietly, as shell commands do."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import stat
import sys
from typing import TextIO

CLOSED = 141
"""The exit code where a reader is gone: 128 + SIGPIPE, as shells have it."""


class _Pipe(io.RawIOBase):
    """Writes to a file descriptor. Once its reader is gone, it ends the program, and what is written after that is dropped.

    Only the first write ends the program, so that whatever cleans up on the way out may go on printing. Nothing is asked of the signal
    SIGPIPE itself: it would also end the program where a server closes a connection.
    """

    def __init__(self, descriptor: int, mode: str = "wb") -> None:
        self.descriptor = descriptor
        self.mode = mode

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return False

    def write(self, data: object, /) -> int:
        """Write all of `data`; raises SystemExit with `CLOSED` if the reader is gone."""
        left = memoryview(data).cast("B")  # type: ignore[arg-type] # any buffer
        size = len(left)
        try:
            while left:
                left = left[os.write(self.descriptor, left) :]
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.descriptor)
            os.close(nowhere)
            raise SystemExit(CLOSED) from None
        return size


def end_quietly() -> None:
    """From here on a closed pipe at standard output or standard error ends the program quietly, with exit code `CLOSED`."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)
    # Otherwise Python itself writes what is left, after everything else, and complains.
    atexit.register(flush)


def flush() -> None:
    """Write out what was printed; raises SystemExit with `CLOSED` if the reader is gone."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # None where the program was started without it
            stream.flush()


def _guarded(stream: TextIO) -> TextIO:
    """The stream; if it is a pipe of this process, one like it that ends the program when the pipe is closed."""
    if not isinstance(stream, io.TextIOWrapper) or isinstance(getattr(stream.buffer, "raw", stream.buffer), _Pipe):
        return stream
    with contextlib.suppress(OSError, ValueError):
        kind = os.fstat(stream.fileno()).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            stream.flush()
            pipe = _Pipe(stream.fileno())
            return io.TextIOWrapper(
                pipe if stream.write_through else io.BufferedWriter(pipe),  # type: ignore[type-var]
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
    return stream
