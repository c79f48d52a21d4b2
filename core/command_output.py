"""The output of a command that an engine runs: read as long as the command runs, however long it prints nothing.

An HTTP client gives up on a silent connection, and a cut connection is silent too. So after some silence the engine
is asked, on another connection, whether the command still runs.
"""

from __future__ import annotations

import contextlib
import math
import select
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from core.waiting import until

_QUIET_SECONDS = 30.0
_END_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_PIECE = 1 << 16
STDOUT, STDERR = 1, 2


class CutOffError(Exception):
    """The engine got a request, but its answer did not arrive completely: the outcome is unknown."""


class SilentError(Exception):
    """The command printed nothing for too long."""


class Output:
    """The stream of a docker-py socket, on which `text` is sent meanwhile. `runs` asks the engine whether the command still runs."""

    def __init__(self, socket: Any, runs: Callable[[], bool], text: bytes = b"") -> None:
        self._socket = socket._sock
        self._runs = runs
        self.send(text)
        self._socket.settimeout(0)
        # The reader of the response's head may hold the first bytes of the stream.
        parsed = socket._response.raw._fp.fp
        self._rest = bytearray()
        with contextlib.suppress(ssl.SSLWantReadError):
            if held := parsed.peek(1):
                self._rest += parsed.read1(len(held))

    def send(self, text: bytes, silence: float = math.inf) -> None:
        """Send this while the output is read. From now on, more than `silence` seconds without output are an error."""
        self._unsent = memoryview(text)
        self._silence = silence

    def is_quiet(self) -> bool:
        """Whether the connection is open and nothing has come since the last frame."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not self._rest and not poll.poll(0)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Pieces with the number of their stream (1 output, 2 errors), until the stream's end.

        Raises CutOffError if it ends inside a frame, or stays silent after the command's end; SilentError after `silence` seconds.
        """
        while len(head := self._read(8)) == 8:
            stream, left = struct.unpack(">BxxxL", head)
            while left:
                piece = self._read(min(left, _PIECE))
                if not piece:
                    raise CutOffError("the connection ended in the middle of the command's output")
                left -= len(piece)
                yield stream, piece

    def _read(self, count: int) -> bytes:
        """This many bytes; fewer at the end of the stream."""
        while len(self._rest) < count:
            piece = self._receive()
            if not piece:
                break
            self._rest += piece
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def _receive(self) -> bytes:
        ended, began = False, time.monotonic()
        while True:
            try:
                return bytes(self._socket.recv(_PIECE))
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            except OSError as error:
                raise CutOffError(str(error) or type(error).__name__) from error
            self._send()
            # A program that prints a lot before it has read its input would block both sides if one waited for the other.
            poll = select.poll()
            poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR | (select.POLLOUT if self._unsent else 0))
            left = self._silence - (time.monotonic() - began)
            if poll.poll(max(0.0, min(_QUIET_SECONDS, left)) * 1000):
                continue
            if left <= 0:
                raise SilentError
            # The last output of an ended command may still be on its way: wait one more interval.
            if ended:
                raise CutOffError("the command has ended, but its connection has not")
            ended = not self._runs()

    def _send(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:  # it ended early: its exit code and messages say why
            self._unsent = memoryview(b"")


def wait_for_end(runs: Callable[[], bool]) -> None:
    """Wait until the engine knows that the command has ended, after the stream ended.

    Raises CutOffError if the command still runs: then only the connection ended.
    """
    if not until(lambda: not runs(), _END_SECONDS, pause=_PAUSE_SECONDS):
        raise CutOffError("the connection ended before the command did")


@contextlib.contextmanager
def told_as_cut() -> Iterator[None]:
    """Report an unanswered question to the engine as a cut connection."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        yield
    except (APIError, RequestException) as error:
        raise CutOffError(f"the engine does not answer: {error}") from error
