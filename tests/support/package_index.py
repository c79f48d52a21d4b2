"""A package index and a forward proxy on loopback, which count what is asked of them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import http.server
import socket
import ssl
import threading
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NAME = "christmas-probe"
WHEEL = "christmas_probe-1.0-py3-none-any.whl"


def make_wheel(folder: Path) -> Path:
    """Write the one wheel that the index knows and return its path."""
    files = {
        "christmas_probe.py": "HERE = True\n",
        "christmas_probe-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
        "christmas_probe-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "christmas_probe-1.0.dist-info/RECORD": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return folder / WHEEL


@dataclass
class Server:
    """A server's address and the paths that it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def package_index(
    wheel: Path | None,
    *,
    tls: tuple[Path, Path] | None = None,
    login: tuple[str, str] | None = None,
    page: str = "/simple/christmas-probe/",
) -> Iterator[Server]:
    """Serve a wheel (none: an index that knows no package) on the page of its name, over TLS with a certificate and a key if given."""
    content = wheel.read_bytes() if wheel else b""
    expected = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else ""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            if expected and self.headers.get("Authorization") != expected:
                self._answer(401, b"who are you?")
            elif wheel and self.path == page:
                digest = hashlib.sha256(content).hexdigest()
                self._answer(200, f'<html><body><a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a></body></html>'.encode())
            elif wheel and self.path == f"/files/{WHEEL}":
                self._answer(200, content, "application/octet-stream")
            else:
                self._answer(404, b"no such package")

        do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

        def _answer(self, code: int, body: bytes, kind: str = "text/html") -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with _serving(Handler, tls) as port:
        made = Server(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
        yield made


@contextlib.contextmanager
def forward_proxy(target: Server, host: str) -> Iterator[Server]:
    """Forward plain HTTP requests for `host`, a name that nobody else knows, to `target`."""
    behind = urllib.parse.urlsplit(target.url)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            wanted = urllib.parse.urlsplit(self.path)
            if wanted.hostname != host:
                self.send_error(502)
                return
            connection = http.client.HTTPConnection(str(behind.hostname), behind.port)
            connection.request(self.command, wanted.path)
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"date", "server"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            connection.close()

        do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with _serving(Handler, None) as port:
        made = Server(f"http://127.0.0.1:{port}")
        yield made


@contextlib.contextmanager
def tunnelling_proxy() -> Iterator[Server]:
    """Connect clients to wherever they ask for with CONNECT, as the proxy of an office does for HTTPS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            made.asked.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port)), timeout=60) as target:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_copy, args=(target, self.connection), daemon=True)
                back.start()
                _copy(self.connection, target)
                back.join()
            self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with _serving(Handler, None) as port:
        made = Server(f"http://127.0.0.1:{port}")
        yield made


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def _serving(handler: type[http.server.BaseHTTPRequestHandler], tls: tuple[Path, Path] | None) -> Iterator[int]:
    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of a client that refuses the certificate."""

    with Quiet(("127.0.0.1", 0), handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
