"""A real S3 API over TLS in a process of its own, and what goes wrong on the way to one.

The server is moto's, on every address of this machine, with a certificate of the project's own making: containers reach it at
their network's gateway. `fault` has it answer some requests with an error or late; `Wire` is a TCP proxy that breaks connections.
This module is that process's program too: `python -m tests.support.s3_server CERTIFICATE KEY`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from infra.backup_places import S3Place
from infra.provider.certificates import issue_authority, issue_certificate
from tests.support.waiting import PATIENCE

_FAULTS = "/tests-faults"
_PIECE = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class S3Server:
    """A running server; `port` is the same on every address that its certificate names."""

    port: int
    ca: str
    address: str
    ca_file: Path

    def place(self, bucket: str = "christmas-tests", *, host: str = "", port: int = 0, **settings: Any) -> S3Place:
        """A place in a bucket, which is made where there is none."""
        endpoint = f"https://{host or self.address}:{port or self.port}"
        known: dict[str, Any] = {
            "key_id": SecretStr("tests"),
            "secret_key": SecretStr("tests-secret"),
            "ca_certificate": self.ca,
            **settings,
        }
        return S3Place(endpoint=endpoint, bucket=bucket, **known)

    def client(self, service: str = "s3", **options: Any) -> Any:
        """A client of AWS' own SDK, to make buckets and look into them."""
        import boto3

        known = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests-secret", **options}
        endpoint = f"https://{self.address}:{self.port}"
        return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", verify=str(self.ca_file), **known)

    def make_bucket(self, name: str = "christmas-tests") -> None:
        """Make a bucket; it goes with the server."""
        self.client().create_bucket(Bucket=name)

    @contextlib.contextmanager
    def fault(self, *, method: str = "", path: str = "", status: int = 0, seconds: float = 0, times: int = 1_000_000) -> Iterator[None]:
        """Answer requests whose method and path hold these with an error, or so much later, at most so many times."""
        self._tell({"method": method, "path": path, "status": status, "seconds": seconds, "times": times})
        try:
            yield
        finally:
            self._tell({})

    def _tell(self, fault: dict[str, Any]) -> None:
        self.post(_FAULTS, json.dumps(fault).encode())

    def post(self, path: str, body: bytes) -> None:
        """Send a request of the tests' own."""
        context = ssl.create_default_context(cadata=self.ca)
        request = urllib.request.Request(
            f"https://{self.address}:{self.port}{path}", data=body, method="POST", headers={"Content-Type": "text/plain"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
            answer.read()


@contextlib.contextmanager
def run_s3_server(folder: Path, address: str = "127.0.0.1") -> Iterator[S3Server]:
    """Start a server whose certificate is good for `address` and loopback; it ends with the block."""
    authority, ca = issue_authority("christmas tests s3", 1)
    key, certificate = issue_certificate(authority, ca, "s3", ["localhost"], sorted({address, "127.0.0.1"}), 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s3.crt").write_text(certificate)
    (folder / "ca.pem").write_text(ca)
    (folder / "s3.key").write_text(key)
    command = [sys.executable, "-m", "tests.support.s3_server", str(folder / "s3.crt"), str(folder / "s3.key")]
    with (folder / "s3.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=Path(__file__).resolve().parents[2])
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line.strip().isdigit(), (folder / "s3.log").read_text()
        yield S3Server(int(line), ca, address, folder / "ca.pem")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclasses.dataclass
class Wire:
    """A TCP proxy in front of a server. `cut_after` breaks the next connection that has sent that many bytes back; `broken` counts them."""

    target: int
    port: int = 0
    cut_after: int | None = None
    broken: int = 0

    @contextlib.contextmanager
    def open(self) -> Iterator[Wire]:
        """Let connections through until the block ends."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                passed += len(piece)
                if counted and self.cut_after is not None and passed > self.cut_after:
                    self.cut_after = None
                    self.broken += 1
                    break
                target.sendall(piece)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class _Faulty:
    """The server's application with what goes wrong in front of it."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._fault: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == _FAULTS:
            self._fault = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            start_response("200 OK", [])
            return [b"{}"]
        with self._lock:
            fault = self._fault
            hit = (
                bool(fault)
                and fault["times"] > 0
                and fault["method"] in environ["REQUEST_METHOD"]
                and fault["path"] in environ["PATH_INFO"]
            )
            if hit:
                fault["times"] -= 1
        if hit and fault["seconds"]:
            time.sleep(fault["seconds"])
        if hit and fault["status"]:
            code = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}.get(fault["status"], "Error")
            start_response(f"{fault['status']} {code}", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>".encode()]
        return self._app(environ, start_response)


def serve(certificate: str, key: str) -> None:
    """Serve until killed; the port is the first line of output."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import ThreadedWSGIServer

    class Server(ThreadedWSGIServer):
        """One that says goodbye as TLS wants it: pgBackRest takes an answer without a length as cut off otherwise."""

        def shutdown_request(self, request: Any) -> None:
            with contextlib.suppress(OSError, ValueError):
                request.settimeout(2)
                request.unwrap()
            super().shutdown_request(request)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app = _Faulty(DomainDispatcherApplication(create_backend_app))
    server = Server("0.0.0.0", 0, app, ssl_context=context)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
