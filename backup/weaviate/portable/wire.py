"""Weaviate's REST API for the portable dump: any server, any version, with or without TLS and keys.

Only long-lived paths are used: /v1/meta, /v1/schema, /v1/objects with a cursor, /v1/batch/objects, /v1/aliases, /v1/users, /v1/authz.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from core.errors import PlatformError

_SECONDS = 120.0
_CONNECT_SECONDS = 5
_TRIES = 4
_THERE = ("already exist", "already in use")  # Weaviate's words with status 422
PAGE = 200
"""Objects per answer: about 4 MB with 1536 dimensions, so memory use stays small for any collection."""


class RefusedError(PlatformError):
    """The server answered with an error. `status` is HTTP's."""

    def __init__(self, status: int, reason: str, where: str) -> None:
        super().__init__(what=f"Weaviate refused: {status} {reason}".rstrip(), where=where, next_step=_NEXT.get(status, ""))
        self.status = status


_NEXT = {
    401: "give the key of an account that may do this",
    403: "give the key of an account that may do this; invoke up restores the rights of the stack's own accounts",
}


class Wire:
    """One server and one key; a context manager. `url` is `http(s)://HOST:PORT`. Broken requests are retried."""

    def __init__(self, url: str, *, key: str | None = None, ca_file: Path | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        # Wait long for a slow answer, but not for a connection.
        timeout = httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
        # Without the user's proxy and .netrc: the key goes to this server only.
        self._client = httpx.Client(base_url=f"{self.url}/v1/", headers=headers, verify=verify, timeout=timeout, trust_env=False)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: str | int) -> Any:
        """The answer to a GET; None for 404.

        Raises RefusedError for any other error status, PlatformError if the server can't be reached.
        """
        answer = self._send("GET", path, params=query or None)
        return None if answer.status_code == 404 else self._wanted(answer, f"GET {path}")

    def post(self, path: str, body: Any) -> Any:
        """The answer to a POST, which must be safe to repeat."""
        return self._wanted(self._send("POST", path, json=body), f"POST {path}")

    def create(self, path: str, body: Any) -> Any | None:
        """The answer to a POST that creates something; None if it exists already, as after a first answer that got lost."""
        try:
            return self.post(path, body)
        except RefusedError as error:
            if error.status == 409 or (error.status == 422 and any(sign in error.what for sign in _THERE)):
                return None
            raise

    def objects(self, collection: str, tenant: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a collection with their vectors, by ascending id; objects written meanwhile may be missing."""
        query: dict[str, str | int] = {"class": collection, "limit": PAGE, "include": "vector", "after": ""}
        if tenant is not None:
            query["tenant"] = tenant
        while True:
            answer = self.get("objects", **query)
            page: list[dict[str, Any]] = answer["objects"] if answer else []
            yield from page
            if len(page) < PAGE:
                return
            query["after"] = page[-1]["id"]

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._client.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == _TRIES or "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise PlatformError(
                        what=f"Weaviate can't be reached: {type(error).__name__}: {error}",
                        where=self.url,
                        next_step="check that it runs, and that the address and the CA file are right",
                    ) from error
            else:
                # 5xx: it has just started, or has no leader for a moment.
                if answer.status_code < 500 or attempt == _TRIES:
                    return answer
            time.sleep(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wanted(self, answer: httpx.Response, what: str) -> Any:
        if answer.is_success:
            return orjson.loads(answer.content) if answer.content else None
        raise RefusedError(answer.status_code, _reason(answer), f"{what} at {self.url}")


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:300]
    if isinstance(body, dict) and isinstance(body.get("error"), list):
        return "; ".join(str(problem.get("message")) for problem in body["error"])[:500]
    return str(body.get("message", body) if isinstance(body, dict) else body)[:500]
