"""A real HTTP server that speaks OpenAI's embeddings API, with its errors and rate limits, for tests of either embedding profile.

Its vectors are of the requested size and deterministic: texts that share words come out near each other.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-0123456789abcdef"


@dataclass
class Trouble:
    """An answer given instead of vectors."""

    status: int
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "scripted trouble"


@dataclass
class OpenAIServer:
    """The server's address, what it was asked, and the troubles it still has to make."""

    port: int
    dimensions: int
    troubles: deque[Trouble] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    delay: float = 0.0  # seconds before each answer
    poison: str = ""  # a request with this word in one of its texts is refused with 400
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Its base as the openai client takes it."""
        return f"http://127.0.0.1:{self.port}/v1"


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector of hashed words and word parts."""
    values = [0.0] * dimensions
    for word in text.lower().split():
        for part in {word, *(word[at : at + 3] for at in range(len(word) - 2))}:
            digest = hashlib.blake2b(part.encode(), digest_size=8).digest()
            number = int.from_bytes(digest, "big")
            values[number % dimensions] += 1.0 if number & (1 << 40) else 0.7
    length = sum(value * value for value in values) ** 0.5 or 1.0
    return [value / length for value in values] if any(values) else [1.0, *values[1:]]


@contextlib.contextmanager
def run_openai_server(dimensions: int = 1536, host: str = "127.0.0.1") -> Iterator[OpenAIServer]:
    """Serve on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with made.lock:
                made.requests.append(body)
                trouble = made.troubles.popleft() if made.troubles else None
            time.sleep(made.delay)
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                trouble = Trouble(401, "invalid_api_key", message="Incorrect API key provided")
            elif trouble is None and made.poison and any(made.poison in text for text in texts):
                trouble = Trouble(400, "invalid_request", message="that text is not taken")
            if trouble is not None:
                error = {"message": trouble.message, "type": "error", "param": None, "code": trouble.code}
                return self._answer(trouble.status, {"error": error}, trouble.headers)
            data = [{"object": "embedding", "index": at, "embedding": self._encoded(body, text)} for at, text in enumerate(texts)]
            tokens = sum(len(text.split()) for text in texts)
            usage = {"prompt_tokens": tokens, "total_tokens": tokens}
            return self._answer(200, {"object": "list", "data": data, "model": body["model"], "usage": usage}, {})

        def _encoded(self, body: dict[str, Any], text: str) -> str | list[float]:
            values = vector(text, made.dimensions)
            packed = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
            return packed if body.get("encoding_format") == "base64" else values

        def _answer(self, status: int, document: object, headers: dict[str, str]) -> None:
            payload = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(payload)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    made = OpenAIServer(server.server_address[1], dimensions)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
