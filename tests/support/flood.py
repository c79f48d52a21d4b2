"""Strangers who hold connections to PostgreSQL and never log in, and come again when they are ended."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

from tests.support.waiting import PATIENCE

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def _startup() -> bytes:
    body = b"\x00\x03\x00\x00" + b"\x00".join([b"user", b"api", b"database", b"christmas_db", b"", b""])
    return (len(body) + 4).to_bytes(4, "big") + body


def _hold(host: str, port: int, over: threading.Event, *, greets: bool) -> None:
    """One stranger: opens a connection, says as much as it wants, waits until it is ended, and begins again."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    while not over.is_set():
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=300) as plain:
            if greets:
                plain.sendall(_SSL_REQUEST)
                if plain.recv(1) != b"S":
                    continue
                with trusting.wrap_socket(plain) as wrapped:
                    # The server asks for a proof of the password, and gets none.
                    wrapped.sendall(_startup())
                    _until_ended(wrapped, over)
            else:
                _until_ended(plain, over)


def _until_ended(connection: socket.socket, over: threading.Event) -> None:
    connection.settimeout(0.5)
    while not over.is_set():
        try:
            if not connection.recv(1000):
                return
        except TimeoutError:
            continue


@contextlib.contextmanager
def flood(host: str, port: int, strangers: int, *, greets: bool) -> Iterator[None]:
    """So many strangers as long as the block runs. With `greets` they get as far as the question for the password, else nothing."""
    over = threading.Event()
    threads = [threading.Thread(target=_hold, args=(host, port, over), kwargs={"greets": greets}, daemon=True) for _ in range(strangers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(each.is_alive() for each in threads)
