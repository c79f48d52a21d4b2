"""Redis' protocol, as much of it as tells where commands and replies end."""

from __future__ import annotations

from typing import BinaryIO

from tests.support.troubled.wire import Ends, Line, Request, Serve, Wire, carry, read_exactly, read_line

_AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
_BULKS = (b"$", b"=", b"!")


class Resp:
    """A connection. From MULTI to EXEC it is one request: a transaction is repeated as a whole, or not at all."""

    def request(self, client: BinaryIO) -> Request:
        """One command, or one transaction."""
        data, words = _command(client)
        label = words[0].upper().decode()
        self._commands = 1
        if label == "MULTI":
            while words[0].upper() not in (b"EXEC", b"DISCARD"):
                more, words = _command(client)
                data += more
                self._commands += 1
        return Request(label, data)

    def answer(self, request: Request, server: BinaryIO) -> bytes:
        """The replies, one for each command."""
        del request
        return b"".join(_reply(server) for _ in range(self._commands))


def redis_way(ends: Ends) -> Serve:
    """Serve Redis' connections."""

    def serve(line: Line, wire: Wire) -> None:
        carry(ends.both(line), Resp(), wire)

    return serve


def _command(client: BinaryIO) -> tuple[bytes, list[bytes]]:
    head = read_line(client)
    data, words = head, []
    for _ in range(int(head[1:])):
        size = read_line(client)
        word = read_exactly(client, int(size[1:]) + 2)
        data += size + word
        words.append(word[:-2])
    return data, words


def _reply(server: BinaryIO) -> bytes:
    line = read_line(server)
    kind, rest = line[:1], line[1:].strip()
    if kind in _BULKS:
        return line if int(rest) < 0 else line + read_exactly(server, int(rest) + 2)
    if kind in _AGGREGATES:
        parts = max(0, int(rest)) * _AGGREGATES[kind]
        line += b"".join(_reply(server) for _ in range(parts))
        # Attributes and pushes come before the reply that they belong to.
        return line + _reply(server) if kind in (b"|", b">") else line
    return line
