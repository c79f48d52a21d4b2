"""What the checks say over bare sockets and HTTPS: too small a part of each protocol to need its client library."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.patience import patience

SECONDS = 5.0
# The first message of a PostgreSQL client that wants TLS: its length, and a number that no protocol version has.
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


def context(ca_file: Path) -> ssl.SSLContext:
    """TLS that trusts one CA and checks names."""
    return ssl.create_default_context(cafile=str(ca_file))


@contextmanager
def tls(
    host: str, port: int, ca_file: Path, *, postgres: bool = False, alpn: tuple[str, ...] = (), seconds: float = SECONDS
) -> Iterator[ssl.SSLSocket]:
    """A verified TLS connection; PostgreSQL's begins with a request in the clear. Each answer has so many seconds on a quiet machine.

    Raises OSError where it does not come about: ssl.SSLError where the server's TLS is at fault, others where it was slow or cut.
    """
    with socket.create_connection((host, port), timeout=patience(seconds)) as plain:
        if postgres:
            ask_for_tls(plain)
        wanted = context(ca_file)
        if alpn:
            wanted.set_alpn_protocols(list(alpn))
        with wanted.wrap_socket(plain, server_hostname=host) as wrapped:
            yield wrapped


def ask_for_tls(plain: socket.socket) -> None:
    """Ask a PostgreSQL server for TLS.

    Raises ssl.SSLError if it does not offer TLS, ConnectionResetError if it closes the connection.
    """
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if not answer:
        raise ConnectionResetError("the server hung up")
    if answer != b"S":
        raise ssl.SSLError("the server does not offer TLS")


def validity(connection: ssl.SSLSocket) -> tuple[datetime, datetime]:
    """From when and until when the server's certificate is valid."""
    certificate = connection.getpeercert() or {}
    start, end = (datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate[name])), UTC) for name in ("notBefore", "notAfter"))
    return start, end


def say_plain(host: str, port: int, greeting: bytes) -> bytes:
    """Say something without TLS; return the first bytes of the answer, empty where the server hangs up or stays silent."""
    with socket.create_connection((host, port), timeout=patience(SECONDS)) as plain:
        plain.settimeout(1.0)
        try:
            plain.sendall(greeting)
            return plain.recv(200)
        except OSError:
            return b""


def postgres_greeting(user: str, database: str) -> bytes:
    """A start-up message in the clear."""
    body = b"\x00\x03\x00\x00" + b"\x00".join([b"user", user.encode(), b"database", database.encode(), b"", b""])
    return (len(body) + 4).to_bytes(4, "big") + body


def http2_greeting() -> bytes:
    """How an HTTP/2 client begins, with empty settings."""
    return _HTTP2_PREFACE


def get_json(url: str, ca_file: Path, key: str, path: str) -> Any:
    """The JSON answer of a GET with a bearer key.

    Raises urllib.error.HTTPError for a refusal, OSError where there is no answer.
    """
    request = urllib.request.Request(f"{url}{path}", headers={"Authorization": f"Bearer {key}", "Accept": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=patience(SECONDS), context=context(ca_file)) as answer:  # noqa: S310 - the scheme is ours
        text = answer.read()
    return json.loads(text) if text else None
