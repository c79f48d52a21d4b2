"""Asks the server of this container whether it is well, verifying its certificate; the exit code tells.

Run every few seconds beside a server that may have nothing to do, so it imports as little as it can, and is started without the rest of
Python: `python3 -I -S …/health.py` takes a quarter of the processor that `python3 -m` with an HTTP client takes.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys

_SECONDS = 10
_QUESTION = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def main() -> int:
    """Return 0 if the server answers with 200; say why on standard error if not."""
    authority = os.environ.get("EMBEDDER_AUTHORITY") or "/run/christmas/ca.crt"
    port = os.environ.get("EMBEDDER_PORT") or "8443"
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        print(f"{authority} can't be used: {error}", file=sys.stderr)
        return 1
    try:
        with (
            socket.create_connection(("localhost", int(port)), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(_QUESTION)
            answer = connection.recv(64).split(b" ", 2)
    except (OSError, ValueError) as error:
        print(f"no healthy answer: {error}", file=sys.stderr)
        return 1
    if answer[1:2] == [b"200"]:
        return 0
    print(f"it answers {b' '.join(answer)[:40]!r}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
