"""A registry with one image in it, on a loopback port: what the engine asks of a registry to pull, and no more."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.toolchain.docker_lab import client

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@contextmanager
def registry(image: str, repository: str, *, login: tuple[str, str] | None = None) -> Iterator[str]:
    """Serve a local image as `repository:latest`, to those who log in if `login` is given; yield the registry's address."""
    blobs, manifest = _contents(image)
    expected = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else ""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if expected and self.headers.get("Authorization") != expected:
                self._answer(401, b"{}", **{"WWW-Authenticate": 'Basic realm="test"'})
                return
            name = self.path.rpartition("/")[2]
            if self.path == "/v2/":
                self._answer(200, b"{}")
            elif self.path.startswith(f"/v2/{repository}/manifests/"):
                self._answer(200, manifest, **{"Content-Type": _MANIFEST, "Docker-Content-Digest": _digest(manifest)})
            elif name in blobs:
                self._answer(200, blobs[name], **{"Content-Type": "application/octet-stream"})
            else:
                self._answer(404, b"{}")

        do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

        def _answer(self, code: int, body: bytes, **headers: str) -> None:
            self.send_response(code)
            for key, value in {"Docker-Distribution-Api-Version": "registry/2.0", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del code, size

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _contents(image: str) -> tuple[dict[str, bytes], bytes]:
    """Return an image's parts by digest, and the manifest that lists them."""
    engine = client()
    try:
        packed = b"".join(engine.get_image(image))
    finally:
        engine.close()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        (entry,) = json.loads(_file(archive, "manifest.json"))
        config, layers = _file(archive, entry["Config"]), [_file(archive, layer) for layer in entry["Layers"]]
    parts: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _part("application/vnd.docker.container.image.v1+json", config),
        "layers": [_part("application/vnd.docker.image.rootfs.diff.tar", layer) for layer in layers],
    }
    return {_digest(blob): blob for blob in (config, *layers)}, json.dumps(parts).encode()


def _file(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None
    return member.read()


def _part(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(blob), "digest": _digest(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()
