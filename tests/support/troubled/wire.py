"""The wire itself: it listens before a server, counts the requests that pass, and does to some of them what a bad network does.

It speaks the stores' protocols as far as it takes to know where a request and its answer end. TLS ends here and begins anew, with a
certificate of the wire's own authority, which `through` has the platform's clients trust as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from core import temporary
from infra.connections import Endpoint, Platform
from tests.support import scratch


class Kind(StrEnum):
    """What happens to a request. A late answer comes when the client has given up, which for a patient client is after `seconds`."""

    LATE = "answered too late"
    NOT_SENT = "cut before the server has it"
    CUT = "cut in the middle of the answer"
    TWICE = "carried twice, the second answer returned"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to the requests from number `first` on, counted over all connections, `count` of them."""

    kind: Kind
    first: int = 0
    count: int = 1
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """Something that a client asked, whole. One that is not `repeatable` is part of something greater, and is never carried twice."""

    label: str
    data: bytes
    repeatable: bool = True


class CutError(Exception):
    """The connection ends here."""


class Talk(Protocol):
    """One connection's protocol. Both methods raise CutError where the other side is gone."""

    def request(self, client: BinaryIO) -> Request:
        """The client's next request."""

    def answer(self, request: Request, server: BinaryIO) -> bytes:
        """The server's whole answer to it."""


@dataclass
class Line:
    """Both ends of one connection, and where another one to the server comes from. Whoever wraps an end puts it back here."""

    client: socket.socket
    server: socket.socket
    another: Callable[[], socket.socket]


@dataclass
class Wire:
    """A wire that is open. `trouble` may be set at any time; `requests` are those that came, by their labels."""

    host: str
    port: int
    ca_pem: bytes = b""
    trouble: Trouble | None = None
    requests: list[str] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reset(self, trouble: Trouble | None) -> None:
        """Count from nothing again, with this trouble ahead."""
        with self._lock:
            self.trouble = trouble
            self.requests.clear()
            self.met.clear()

    def meets(self, label: str) -> Trouble | None:
        """Count a request; the trouble that it meets."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(label)
            trouble = self.trouble
            if trouble is None or not trouble.first <= number < trouble.first + trouble.count:
                return None
            self.met.append(label)
            return trouble


def carry(line: Line, talk: Talk, wire: Wire) -> None:
    """Carry requests and answers until either side ends."""
    with line.client.makefile("rb") as client, line.server.makefile("rb") as server:
        while _carried(line, client, server, talk, wire):
            pass


def _carried(line: Line, client: BinaryIO, server: BinaryIO, talk: Talk, wire: Wire) -> bool:
    """Carry one request and its answer; whether the connection goes on."""
    request = talk.request(client)
    trouble = wire.meets(request.label)
    kind = trouble.kind if trouble else None
    if kind is Kind.NOT_SENT:
        return False
    line.server.sendall(request.data)
    answer = talk.answer(request, server)
    if kind is Kind.TWICE and request.repeatable:
        line.server.sendall(request.data)
        answer = talk.answer(request, server)
    if kind is Kind.LATE and trouble:
        hold(line.client, trouble.seconds)
    if kind is Kind.CUT:
        line.client.sendall(answer[: len(answer) // 2])
        return False
    line.client.sendall(answer)
    return True


def hold(client: socket.socket, seconds: float) -> None:
    """Wait until the client has hung up; so many seconds where it doesn't."""
    select.select([client], [], [], seconds)


Serve = Callable[[Line, Wire], None]
"""Serve one connection to its end."""


@contextlib.contextmanager
def open_wire(serve: Serve, connect: Callable[[], socket.socket], listen: socket.socket, ca_pem: bytes = b"") -> Iterator[Wire]:
    """Listen at `listen`; each connection gets one to the server from `connect`, and is served by `serve`."""
    name = listen.getsockname()
    wire = Wire(str(name[0]), int(name[1]), ca_pem) if isinstance(name, tuple) else Wire(str(name), 0, ca_pem)
    closing = threading.Event()

    def one(client: socket.socket) -> None:
        try:
            line = Line(client, connect(), connect)
        except OSError:
            client.close()
            return
        try:
            serve(line, wire)
        except (CutError, OSError):
            pass  # either side has gone
        finally:
            for end in (line.client, line.server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def accept() -> None:
        while not closing.is_set():
            try:
                client, _ = listen.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield wire
    finally:
        closing.set()
        with contextlib.suppress(OSError):
            listen.shutdown(socket.SHUT_RDWR)
        listen.close()


@contextlib.contextmanager
def through(platform: Platform, ways: Mapping[str, Callable[[Ends], Serve]]) -> Iterator[tuple[Platform, dict[str, Wire]]]:
    """The platform with wires before these endpoints (`postgres`, `redis`, `weaviate`, …), and the wires by endpoint."""
    authority = scratch.new_authority()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary.folder("tests"))
        certificate, key = authority.issue("wire")
        (folder / "wire.pem").write_bytes(certificate + key)
        trusted = folder / "ca.pem"
        trusted.write_bytes(platform.ca_file.read_bytes() + b"\n" + authority.pem)
        ends = Ends(folder / "wire.pem", platform.ca_file)
        wires: dict[str, Wire] = {}
        endpoints = dict(platform.endpoints)
        for name, way in ways.items():
            address = platform.endpoints[name].address()
            listen = socket.create_server(("127.0.0.1", 0))
            connect = functools.partial(socket.create_connection, address)
            wires[name] = wire = stack.enter_context(open_wire(way(ends), connect, listen, trusted.read_bytes()))
            endpoints[name] = Endpoint("127.0.0.1", wire.port, endpoints[name].inside_host, endpoints[name].inside_port)
        yield dataclasses.replace(platform, endpoints=endpoints, ca_file=trusted), wires


@dataclass(frozen=True, slots=True)
class Ends:
    """TLS at both ends of a wire."""

    certificate: Path
    server_ca: Path

    def to_client(self, plain: socket.socket) -> socket.socket:
        """The server's part towards the client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context.wrap_socket(plain, server_side=True)

    def to_server(self, plain: socket.socket) -> socket.socket:
        """The client's part towards the server, which is at 127.0.0.1."""
        return ssl.create_default_context(cafile=str(self.server_ca)).wrap_socket(plain, server_hostname="127.0.0.1")

    def both(self, line: Line) -> Line:
        """The same connection with TLS on both sides."""
        plain = line.another
        line.another = lambda: self.to_server(plain())
        line.client = self.to_client(line.client)
        line.server = self.to_server(line.server)
        return line


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes. Raises CutError where the stream ends before."""
    data = stream.read(size)
    if len(data) < size:
        raise CutError
    return data


def read_line(stream: BinaryIO) -> bytes:
    """A line with its end. Raises CutError where the stream ends before."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise CutError
    return line
