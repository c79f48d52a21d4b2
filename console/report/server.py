"""The live page's server: HTTPS on loopback, for one user with a password. It answers from the newest look, and changes nothing."""

from __future__ import annotations

import base64
import contextlib
import hmac
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from console.report.looks import Looks, Seen
from core.errors import PlatformError
from core.memory_file import file_in_memory
from infra.components.names import LIVE_PAGE
from infra.connections import PageAccess

ADDRESS = "127.0.0.1"
_MOST_CLIENTS = 16
_SLOWEST_SECONDS = 15.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEXT = "text/plain; charset=utf-8"
EVERY_MINUTE = "/?every=60"
"""The page as it is here, told to load itself again each minute: for a screen on a wall. Only who asks for it gets that."""


class Server(ThreadingHTTPServer):
    """Listens once it is made. `admit` may be called again at any time: passwords and certificates change."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _MOST_CLIENTS

    def __init__(self, port: int, looks: Looks, access: PageAccess) -> None:
        self.looks = looks
        self.admit(access)
        self._room = threading.BoundedSemaphore(_MOST_CLIENTS)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise PlatformError(
                what=f"the page can't be served: {error.strerror}",
                where=f"{ADDRESS}:{port}",
                next_step="name another port: --port 0 takes any that is free",
            ) from error

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"https://{ADDRESS}:{self.server_address[1]}/"

    def admit(self, access: PageAccess) -> None:
        """Take this certificate and password from the next connection on."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        with file_in_memory(f"{access.private_key}\n{access.certificate}") as (path, _):
            tls.load_cert_chain(path)
        expected = base64.b64encode(f"{LIVE_PAGE}:{access.password}".encode()).decode("ascii")
        self._tls, self._expected = tls, f"Basic {expected}".encode()

    def is_admitted(self, authorization: str | None) -> bool:
        """Whether a request's header has the user and the password."""
        return hmac.compare_digest((authorization or "").encode("utf-8", "replace"), self._expected)

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection whose handshake is still to come: in the client's own thread, so that a silent client delays nobody."""
        plain, address = super().get_request()
        plain.settimeout(_SLOWEST_SECONDS)
        return self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, or not at all where too many are open."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever speaks no TLS, trusts another authority or goes away is no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, at work in the background until the block ends."""
    threads = [threading.Thread(target=target, daemon=True) for target in (server.serve_forever, server.looks.run)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        server.looks.end()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "christmas", ""
    timeout = _SLOWEST_SECONDS

    def do_GET(self) -> None:
        if not self.server.is_admitted(self.headers.get("Authorization")):
            now = datetime.now(UTC)
            print(f"{now:%Y-%m-%dT%H:%M:%SZ} refused: not user {LIVE_PAGE}, or not its password", file=sys.stderr, flush=True)
            self._answer(401, b"a password is needed\n", _TEXT, {"WWW-Authenticate": 'Basic realm="christmas", charset="UTF-8"'})
        elif self.path == "/metrics":
            self._figures(self.server.looks.newest())
        elif self.path in ("/", EVERY_MINUTE):
            self._page(self.server.looks.newest(), {"Refresh": "60"} if self.path == EVERY_MINUTE else {})
        else:
            self._answer(404, b"there is / and /metrics\n", _TEXT)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _page(self, seen: Seen, headers: dict[str, str]) -> None:
        if seen.failure:
            self._answer(503, f"{seen.failure}\n".encode(), _TEXT, headers)
        else:
            self._answer(200, seen.page, "text/html; charset=utf-8", headers)

    def _figures(self, seen: Seen) -> None:
        """In OpenMetrics for who asks for it, as Prometheus does, else in the older text format."""
        from prometheus_client.exposition import choose_encoder

        if seen.figures is None:
            self._answer(503, f"{seen.failure}\n".encode(), _TEXT)
            return
        encode, kind = choose_encoder(self.headers.get("Accept", ""))
        self._answer(200, encode(seen.figures), kind)

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(headers or {}), "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Who reads a page is nobody's business; refusals are told."""
