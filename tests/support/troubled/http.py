"""HTTP/1.1 as Weaviate's REST API and the Docker engine speak it, streams that take over a connection included."""

from __future__ import annotations

import contextlib
import io
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from core.chosen_engine import LOCAL_SOCKET
from tests.support.troubled.wire import Ends, Kind, Line, Request, Serve, Wire, hold, open_wire, read_exactly, read_line

_BODILESS = (204, 304)
_SAYS_NO_MORE_SECONDS = 1.0


class Http:
    """A connection's requests and answers."""

    def request(self, client: BinaryIO) -> Request:
        """A request with its body."""
        head, headers = _head(client)
        method, path = head.split(b" ")[:2]
        return Request(f"{method.decode()} {path.decode()}", head + _body(client, headers))

    def answer(self, request: Request, server: BinaryIO) -> bytes:
        """An answer with its body. Raises Upgraded where the connection is no longer HTTP's."""
        head, headers = _head(server)
        status = int(head.split(b" ")[1])
        if status == 101 or b"application/vnd.docker.raw-stream" in headers.get(b"content-type", b""):
            raise Upgraded(head)
        if status in _BODILESS or request.label.startswith("HEAD "):
            return head
        return head + _body(server, headers, to_the_end=True)


class Upgraded(Exception):  # noqa: N818 - nothing went wrong
    """From here on the connection is a stream of bytes; `args[0]` is the answer's head."""


def weaviate_way(ends: Ends) -> Serve:
    """Serve connections of Weaviate's REST API."""

    def serve(line: Line, wire: Wire) -> None:
        serve_http(ends.both(line), wire)

    return serve


def raw_way(ends: Ends) -> Serve:
    """Pass bytes of any protocol on, TLS and all, late or cut: each connection is a request."""
    del ends

    def serve(line: Line, wire: Wire) -> None:
        trouble = wire.meets("connection")
        if trouble and trouble.kind is Kind.NOT_SENT:
            return
        if trouble and trouble.kind is Kind.LATE:
            hold(line.client, trouble.seconds)
        with line.server.makefile("rb") as server:
            _stream(line, server, 2_000 if trouble and trouble.kind is Kind.CUT else None)

    return serve


def serve_http(line: Line, wire: Wire) -> None:
    """Carry requests and answers; a stream that takes the connection over is carried to its end."""
    talk = Http()
    with line.client.makefile("rb") as client, line.server.makefile("rb") as server:
        while _carried(line, client, server, talk, wire):
            pass


def _carried(line: Line, client: BinaryIO, server: io.BufferedReader, talk: Http, wire: Wire) -> bool:
    """Carry one request and its answer; whether the connection goes on as HTTP's."""
    request = talk.request(client)
    trouble = wire.meets(request.label)
    kind = trouble.kind if trouble else None
    if kind is Kind.NOT_SENT:
        return False
    if kind is Kind.TWICE:
        # On a connection of its own, as a proxy that repeats a request does.
        with contextlib.closing(line.another()) as other, other.makefile("rb") as answers, contextlib.suppress(Upgraded):
            other.sendall(request.data)
            talk.answer(request, answers)
    line.server.sendall(request.data)
    try:
        answer = talk.answer(request, server)
    except Upgraded as upgraded:
        if kind is Kind.LATE and trouble:
            hold(line.client, trouble.seconds)
        line.client.sendall(upgraded.args[0])
        _stream(line, server, 0 if kind is Kind.CUT else None)
        return False
    if kind is Kind.LATE and trouble:
        hold(line.client, trouble.seconds)
    if kind is Kind.CUT:
        line.client.sendall(answer[: len(answer) // 2])
        return False
    line.client.sendall(answer)
    return True


def _stream(line: Line, server: io.BufferedReader, most: int | None) -> None:
    """Pass bytes both ways until the server ends; where `most` is given, only so many of the server's reach the client."""

    def up() -> None:
        with contextlib.suppress(OSError):
            while data := line.client.recv(65_536):
                line.server.sendall(data)
            line.server.shutdown(socket.SHUT_WR)

    threading.Thread(target=up, daemon=True).start()
    while data := server.read1(65_536):
        if most is None:
            line.client.sendall(data)
            continue
        line.client.sendall(data[:most])
        most -= min(most, len(data))
        # What the server had to do is done, also where a shell waits for its next command; only now does the client see the end.
        if not select.select([line.server], [], [], _SAYS_NO_MORE_SECONDS)[0]:
            return


def _head(stream: BinaryIO) -> tuple[bytes, dict[bytes, bytes]]:
    """The first line and the headers as they came, and the headers by their lower-case names."""
    data = read_line(stream)
    headers: dict[bytes, bytes] = {}
    while (line := read_line(stream)) != b"\r\n":
        data += line
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return data + b"\r\n", headers


def _body(stream: BinaryIO, headers: dict[bytes, bytes], *, to_the_end: bool = False) -> bytes:
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        data = b""
        while True:
            line = read_line(stream)
            size = int(line.split(b";")[0], 16)
            data += line + read_exactly(stream, size + 2)
            if size == 0:
                return data
    if b"content-length" in headers:
        return read_exactly(stream, int(headers[b"content-length"]))
    return stream.read() if to_the_end else b""


@contextlib.contextmanager
def docker_wire(path: Path) -> Iterator[Wire]:
    """A wire before the local Docker engine, at a socket of its own: DOCKER_HOST is `unix://PATH`."""
    listen = socket.socket(socket.AF_UNIX)
    listen.bind(str(path))
    listen.listen(64)

    def connect() -> socket.socket:
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(LOCAL_SOCKET.removeprefix("unix://"))
        return engine

    with open_wire(serve_http, connect, listen) as wire:
        yield wire
