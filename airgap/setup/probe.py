"""Checks what exists before anything is installed: standard library only, a fraction of a second, without changes."""

from __future__ import annotations

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

_SECONDS = 3.0


def engine_has(path: str) -> Any:
    """Return the local Docker engine's answer to GET `path` (decoded JSON), or None for a missing object.

    Raises OSError if no engine answers, or if DOCKER_HOST names one that is not behind a local socket.
    """
    connection = _Connection(_socket())
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 500:
            raise OSError(f"the engine answers {answer.status}")
        return json.loads(body) if answer.status == 200 else None
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def missing_images(references: list[str]) -> list[str]:
    """Return the images that the engine lacks. Raises OSError as `engine_has` does."""
    return [reference for reference in references if engine_has(f"/images/{quote(reference, safe='/:')}/json") is None]


def containers_run(labels: list[str]) -> bool:
    """Whether containers with all these labels run. Raises OSError as `engine_has` does."""
    return bool(engine_has(f"/containers/json?filters={quote(json.dumps({'label': labels}))}"))


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def _socket() -> Path:
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise OSError(f"the engine is behind {host}")
    return Path(host.removeprefix("unix://"))
