"""PostgreSQL's protocol, as much of it as tells where a request ends and its answer is complete."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import BinaryIO

from tests.support.troubled.wire import CutError, Ends, Kind, Line, Request, Serve, Trouble, Wire, carry, hold, read_exactly

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_QUERY, _PARSE, _SYNC, _COPY_DONE, _COPY_FAILED, _END = (bytes([each]) for each in b"QPScfX")
# What a server asks for that the client has to answer: a password, or the next part of SCRAM.
_ASKING = (3, 5, 10, 11)

Read = Callable[[int], bytes]


class Postgres:
    """A connection after its login.

    The unit that may be carried twice is what stands alone: a statement outside of a transaction. Within one, nobody repeats a statement;
    what is repeated is the whole of it, by whoever runs a task again.
    """

    def __init__(self) -> None:
        self._status = b"I"
        self._copying = False
        self._extended = False

    def request(self, client: BinaryIO) -> Request:
        """Messages up to one after which the client waits for an answer."""
        data, text = b"", b""
        ends = {_SYNC} if self._copying and self._extended else {_QUERY, _SYNC, _COPY_DONE, _COPY_FAILED}
        while True:
            kind, message = _message(functools.partial(read_exactly, client))
            if kind == _END:
                raise CutError
            data += message
            text += message[5:] if kind in (_QUERY, _PARSE) else b""
            if kind in ends:
                break
        if not self._copying:
            self._extended = kind == _SYNC
        label = " ".join(word.decode(errors="replace").lower() for word in text.replace(b"\0", b" ").split()[:3])
        copy = self._copying or b"copy " in text.lower()[:200]
        return Request("copied rows" if self._copying else label or "batch", data, repeatable=self._status == b"I" and not copy)

    def answer(self, request: Request, server: BinaryIO) -> bytes:
        """Messages up to the one that says that the server is ready, or wants the data of a COPY."""
        del request
        data = b""
        while True:
            kind, message = _message(functools.partial(read_exactly, server))
            data += message
            if kind == b"Z":
                self._status, self._copying = message[5:6], False
                return data
            if kind == b"G":
                self._copying = True
                return data


def postgres_way(ends: Ends) -> Serve:
    """Serve PostgreSQL's connections; a login counts as a request, too. Its clients must not bind channels: PGCHANNELBINDING=disable."""

    def serve(line: Line, wire: Wire) -> None:
        if line.client.recv(8) != _SSL_REQUEST:
            raise CutError
        trouble = wire.meets("login")
        if trouble and trouble.kind is Kind.NOT_SENT:
            return
        line.server.sendall(_SSL_REQUEST)
        if line.server.recv(1) != b"S":
            raise CutError
        line.client.sendall(b"S")
        inside = ends.both(line)
        _log_in(inside, trouble)
        carry(inside, Postgres(), wire)

    return serve


def _log_in(line: Line, trouble: Trouble | None) -> None:
    """Let the start-up message and whatever authentication takes pass, until the server is ready."""
    # No byte is read ahead: others read from the same sockets afterwards.
    client, server = functools.partial(_receive, line.client), functools.partial(_receive, line.server)
    size = client(4)
    line.server.sendall(size + client(int.from_bytes(size, "big") - 4))
    while True:
        kind, message = _message(server)
        if trouble and trouble.kind is Kind.CUT:
            line.client.sendall(message[: len(message) // 2])
            raise CutError
        if kind == b"Z" and trouble and trouble.kind is Kind.LATE:
            hold(line.client, trouble.seconds)
        line.client.sendall(message)
        if kind == b"Z":
            return
        if kind == b"E":
            raise CutError
        if kind == b"R" and int.from_bytes(message[5:9], "big") in _ASKING:
            line.server.sendall(_message(client)[1])


def _receive(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = source.recv(size - len(data))
        if not piece:
            raise CutError
        data += piece
    return data


def _message(read: Read) -> tuple[bytes, bytes]:
    """A message's type, and the whole of it."""
    head = read(5)
    return head[:1], head + read(int.from_bytes(head[1:], "big") - 4)
