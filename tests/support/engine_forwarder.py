"""A second address for the local Docker engine, which counts its callers."""

from __future__ import annotations

import contextlib
import itertools
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.chosen_engine import LOCAL_SOCKET


@dataclass
class Forwarder:
    """An address that leads to the local engine; `calls` are the first lines of the requests that came this way."""

    path: Path
    calls: list[str] = field(default_factory=list)
    _open: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address."""
        return f"unix://{self.path}"

    def stop(self) -> None:
        """Nobody answers at the address any more, as when the engine was killed; what is open ends."""
        self.path.rename(self.path.with_suffix(".stopped"))
        self.cut()

    def start(self) -> None:
        """It answers again."""
        self.path.with_suffix(".stopped").rename(self.path)

    def cut(self) -> None:
        """End every connection that is open now, at both ends."""
        for each in itertools.chain.from_iterable(list(self._open)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def forward(path: Path) -> Iterator[Forwarder]:
    """Listen at a socket in front of the local engine, so that it can be named by an address that is not the default one."""
    made = Forwarder(path)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(LOCAL_SOCKET.removeprefix("unix://"))
                back = threading.Thread(target=_copy, args=(engine, self.request, None), daemon=True)
                back.start()
                ends = self.request, engine
                made._open.append(ends)
                _copy(self.request, engine, made.calls)
                back.join()
                made._open.remove(ends)

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield made
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket, calls: list[str] | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if calls is not None and b" HTTP/1.1\r\n" in data[:2000]:
                calls.append(data.split(b"\r\n", 1)[0].decode(errors="replace"))
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
