"""Minimal requests to the chosen Docker engine, over its socket or TCP.

Standard library only: the doctor runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from core.chosen_engine import ChosenEngine

SECONDS = 4.0


class Unasked(Exception):  # noqa: N818 - a state, not an error
    """The engine needs more than the standard library, such as SSH."""


def ask(engine: ChosenEngine, path: str, seconds: float = SECONDS) -> Any:
    """The decoded JSON answer to GET `path`, or None for 404.

    Raises OSError without an answer in time and for error answers, Unasked for SSH.
    """
    with contextlib.closing(_connection(engine, seconds)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise OSError(f"it answers {answer.status}: {body[:200].decode(errors='replace')}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise OSError(f"its answer is not JSON: {error}") from error


def labelled(path: str, *labels: str) -> str:
    """The path that lists objects with all these labels, stopped ones too."""
    return f"{path}?all=1&filters={quote(json.dumps({'label': list(labels)}))}"


def _connection(engine: ChosenEngine, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(engine.url)
    if parts.scheme == "unix":
        return _OverSocket(parts.path or engine.url.removeprefix("unix://"), seconds)
    if parts.scheme in {"tcp", "http", "https"} and parts.hostname:
        if engine.certificates is None and parts.scheme != "https":
            return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=seconds)
        return http.client.HTTPSConnection(parts.hostname, parts.port or 2376, timeout=seconds, context=_tls(engine.certificates, engine))
    raise Unasked(f"it is behind {engine.url}")


def _tls(folder: Path | None, engine: ChosenEngine) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem") if folder and (folder / "ca.pem").exists() else None)
    if folder and (folder / "cert.pem").exists():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if not engine.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as Docker's own client does then
    return context


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def pieces(answer: list[dict[str, Any]] | None) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Each listed object with its labels."""
    for item in answer or []:
        yield item, item.get("Labels") or {}
