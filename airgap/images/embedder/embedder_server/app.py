"""The HTTP side, as an ASGI application: routes, authentication, bounds, and OpenAI's errors for everything that goes wrong."""

from __future__ import annotations

import array
import asyncio
import hmac
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from .api import ApiError, Kind, check_tokens, embeddings_body, models_body, parse_request
from .settings import Settings

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Weaviate can be told an address but no kind; these two addresses are how it says one after all.
_EMBEDDINGS = {"/v1/embeddings": None, "/query/v1/embeddings": Kind.QUERY, "/passage/v1/embeddings": Kind.PASSAGE}
_MODELS = ("/v1/models", "/query/v1/models", "/passage/v1/models")
_HEALTH = "/healthz"


class Embeds(Protocol):
    """What the application needs of a model."""

    async def embed(self, texts: tuple[str, ...], kind: Kind) -> list[bytes]:
        """Return one vector for each text, as little-endian 32-bit floats."""

    async def count_tokens(self, check: Callable[[Callable[[str], int]], int], kind: Kind) -> int:
        """Have `check` count tokens, and return its result."""


class App:
    """The ASGI application. `tokens` may be exchanged while it runs; `start` is called once the event loop runs."""

    def __init__(self, model: Embeds, settings: Settings, tokens: Sequence[bytes], start: Callable[[], None] = lambda: None) -> None:
        self.tokens = tokens
        self._model = model
        self._settings = settings
        self._start = start
        self._waiting = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection's event stream."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        begun = time.monotonic()
        headers: list[tuple[bytes, bytes]] = []
        try:
            body = await self._answer(scope, receive)
            status = 200
        except ApiError as error:
            status, body = error.status, error.body()
            headers = _error_headers(error, scope["path"])
        except _DisconnectedError:
            _log(scope, 499, begun)
            return
        except Exception as error:  # A fault here must not end the connection without an answer.
            print(f"internal error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            status, body = 500, ApiError(500, "The server had an error while processing your request").body()
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", uuid.uuid4().hex.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        if scope["path"] != _HEALTH or status != 200:
            _log(scope, status, begun)

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> bytes:
        path, method = scope["path"], scope["method"]
        wanted = "POST" if path in _EMBEDDINGS else "GET"
        if path not in (*_EMBEDDINGS, *_MODELS, _HEALTH):
            raise ApiError(404, f"Unknown request URL: {method} {path[:200]}", code="unknown_url")
        if method != wanted and (wanted, method) != ("GET", "HEAD"):
            raise ApiError(405, f"Not allowed to {method} on {path} (use {wanted})", code="method_not_supported")
        if path == _HEALTH:
            return b'{"status":"ok"}'
        self._authenticate(dict(scope["headers"]))
        if path in _MODELS:
            return models_body()
        return await self._embeddings(scope, receive, _EMBEDDINGS[path])

    def _authenticate(self, headers: dict[bytes, bytes]) -> None:
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        if not key:
            raise ApiError(401, "You didn't provide an API key: send it in the header `Authorization: Bearer KEY`")
        # Every one is compared, so that the time tells nothing.
        known = [hmac.compare_digest(key.strip(), token) for token in self.tokens]
        if scheme.lower() != b"bearer" or not any(known):
            raise ApiError(401, "Incorrect API key provided", code="invalid_api_key")

    async def _embeddings(self, scope: dict[str, Any], receive: Receive, path_kind: Kind | None) -> bytes:
        if self._waiting >= self._settings.max_waiting:
            raise ApiError(429, "Too many requests are waiting already; please try again later", code="rate_limit_exceeded", retry_after=1)
        self._waiting += 1
        try:
            body = await self._read_body(scope, receive)
            request = parse_request(body, path_kind)
            return await _unless_disconnected(receive, self._embed(request))
        finally:
            self._waiting -= 1

    async def _embed(self, request: Any) -> bytes:
        tokens = await self._model.count_tokens(lambda count: check_tokens(request.texts, count), request.kind)
        vectors = await self._model.embed(request.texts, request.kind)
        return embeddings_body(request, vectors, _decode, tokens)

    async def _read_body(self, scope: dict[str, Any], receive: Receive) -> bytes:
        limit = self._settings.max_body
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise ApiError(413, f"The request is too large: at most {limit} bytes are taken", code="request_too_large")
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.receive_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _DisconnectedError
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise ApiError(413, f"The request is too large: at most {limit} bytes are taken", code="request_too_large")
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise ApiError(408, "The request's body did not arrive in time", code="timeout") from None


class _DisconnectedError(Exception):
    """The client has gone: nobody waits for an answer."""


async def _unless_disconnected(receive: Receive, work: Awaitable[bytes]) -> bytes:
    """Await `work`, but give it up when the client goes away. Raises _DisconnectedError then."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _DisconnectedError
        return task.result()
    finally:
        for pending in (task, gone):
            pending.cancel()
        await asyncio.wait([task, gone])


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _decode(vector: bytes) -> list[float]:
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _error_headers(error: ApiError, path: str) -> list[tuple[bytes, bytes]]:
    headers = []
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status == 405:
        headers.append((b"allow", b"POST" if path in _EMBEDDINGS else b"GET, HEAD"))
    if error.retry_after:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if error.status in (408, 413):
        # What is left of the body would otherwise be read as the next request.
        headers.append((b"connection", b"close"))
    return headers


def _log(scope: dict[str, Any], status: int, begun: float) -> None:
    # Never a body or a header: texts are the users' own, and one header is the key.
    client = (scope.get("client") or ("-",))[0]
    path = "".join(character if character.isprintable() else "?" for character in scope["path"][:200])
    print(f"{client} {scope['method']} {path} {status} {1000 * (time.monotonic() - begun):.0f} ms", flush=True)
