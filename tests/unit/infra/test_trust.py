"""The bundle of certificates that an environment file names: the stack's CA beside the machine's authorities, for every library alike."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import trust
from infra.connections import from_outputs
from tests.support.scratch import Authority, new_authority

# What an application does with its environment; nothing tells any of them where certificates are.
APPLICATION = """
import json, sys, urllib.request
import httpx, openai
def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__
found = {}
for name, port in json.loads(sys.argv[1]).items():
    address = f"https://localhost:{port}/v1/models"
    found[name] = [
        outcome(lambda: httpx.get(address).status_code),
        outcome(lambda: urllib.request.urlopen(address).status),
        outcome(lambda: openai.OpenAI(api_key="k", base_url=f"https://localhost:{port}/v1", max_retries=0).models.list().data),
    ]
print(json.dumps(found))
"""


class Models(http.server.BaseHTTPRequestHandler):
    """Answers as an OpenAI endpoint without models does."""

    def do_GET(self) -> None:
        body = b'{"object": "list", "data": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextlib.contextmanager
def https_server(authority: Authority, folder: Path) -> Iterator[int]:
    """A server with a certificate of the authority's; yields its port."""
    certificate, key = authority.issue("server")
    (folder / "server.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def stack_ca(tmp_path: Path) -> tuple[Authority, Path]:
    authority = new_authority()
    (tmp_path / "ca").mkdir()
    path = tmp_path / "ca" / "blue.pem"
    path.write_bytes(authority.pem)
    return authority, path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one authority that this machine trusts."""
    authority = new_authority()
    (tmp_path / "company.pem").write_bytes(b"# of the company\n" + authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
    return authority


def certificates(path: Path) -> int:
    return path.read_text().count("BEGIN CERTIFICATE")


def test_libraries_reach_the_stack_and_other_hosts_with_it_and_strangers_not(
    stack_ca: tuple[Authority, Path], machine: Authority, tmp_path: Path
) -> None:
    bundle = trust.write_bundle(stack_ca[1])
    with contextlib.ExitStack() as servers:
        ports = {}
        for name, authority in {"stack": stack_ca[0], "elsewhere": machine, "stranger": new_authority()}.items():
            (tmp_path / name).mkdir()
            ports[name] = servers.enter_context(https_server(authority, tmp_path / name))
        done = subprocess.run(
            [sys.executable, "-c", APPLICATION, json.dumps(ports)],
            env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(bundle)},
            capture_output=True,
            text=True,
            check=True,
        )
    document = json.loads(done.stdout)
    assert document["stack"] == document["elsewhere"] == [200, 200, []]
    assert document["stranger"] == ["ConnectError", "URLError", "APIConnectionError"]


def test_in_a_shell_that_has_read_an_environment_file_it_does_not_grow(
    stack_ca: tuple[Authority, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    first = trust.write_bundle(stack_ca[1]).read_text()
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "ca.pem"
    other.write_bytes(new_authority().pem)
    # A file of today names the bundle; one of before, the CA alone.
    for path in (trust.write_bundle(other), Path(trust.bundle_of(str(stack_ca[1]))), stack_ca[1]):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert trust.write_bundle(stack_ca[1]).read_text() == first
    assert first.count("BEGIN CERTIFICATE") > 10


def test_without_authorities_of_the_machines_those_of_pythons_libraries_count(
    stack_ca: tuple[Authority, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setattr(trust, "_USUAL", ())
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: type("Paths", (), {"openssl_cafile": str(tmp_path / "none")}))
    assert trust.system_authorities(tmp_path / "ca") == Path(certifi.where())
    assert certificates(trust.write_bundle(stack_ca[1])) > 50


def test_a_new_ca_gets_a_new_bundle_and_one_that_nobody_asked_for_is_not_written(
    machine: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.connections.LOCAL", tmp_path)
    outputs = {
        "endpoints": {},
        "accounts": {},
        "containers": {},
        "volumes": {},
        "network": "n",
        "embedding_profile": "e",
        "embedding_key": "",
    }
    path = from_outputs("blue", {**outputs, "ca_certificate": new_authority().pem.decode()}).ca_file
    bundle = Path(trust.bundle_of(str(path)))
    assert not bundle.exists()
    before = trust.write_bundle(path).read_text()
    fresh = new_authority().pem.decode()
    from_outputs("blue", {**outputs, "ca_certificate": fresh})
    assert fresh.strip() in bundle.read_text()
    assert bundle.read_text() != before
    assert certificates(bundle) == 2
    assert sorted(each.name for each in path.parent.iterdir()) == ["blue-bundle.pem", "blue.pem"]
    assert machine.pem.decode().strip() in bundle.read_text()
