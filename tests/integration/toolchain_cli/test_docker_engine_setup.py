"""What set-up finds out about the Docker engine: the real one, none, one out of reach, one that is too old."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.setup import docker_engine
from airgap.setup.debian import apt_install
from airgap.setup.docker_engine import engine_is_ready, engine_version, ensure_engine, parse_version
from airgap.toolchain.environment import own_root
from core.errors import PlatformError
from core.progress import SilentProgress


def test_the_running_engine_is_found_and_new_enough() -> None:
    assert engine_is_ready()
    assert parse_version(ensure_engine(SilentProgress())) >= (20, 10)
    assert ensure_engine(SilentProgress()) == engine_version()


def test_an_engine_elsewhere_that_does_not_answer_is_the_users_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert not engine_is_ready()
    with pytest.raises(PlatformError, match="that DOCKER_HOST names does not answer") as caught:
        ensure_engine(SilentProgress())
    assert "tcp://127.0.0.1:1" in caught.value.where


TELL = """
import sys
sys.path[:] = sys.argv[1:]
from airgap.setup.docker_engine import ensure_engine
from core.progress import SilentProgress
try:
    ensure_engine(SilentProgress())
except Exception as error:
    print(error)
"""


def test_a_user_without_rights_is_told_how_to_get_them(tmp_path: Path) -> None:
    place = Path(tempfile.mkdtemp())
    try:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.bind(str(place / "docker.sock"))
            (place / "docker.sock").chmod(0)
            place.chmod(0o755)
            # Root may use any socket, so root lends its place to nobody, who may only read the project and its packages.
            reading = "+dac_read_search"
            nobody = ["setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={reading}", f"--ambient-caps={reading}"]
            command = [*(nobody if os.geteuid() == 0 else []), sys.executable, "-c", TELL, str(own_root()), *sys.path]
            environment = {"PATH": os.environ["PATH"], "HOME": "/", "DOCKER_HOST": f"unix://{place / 'docker.sock'}"}
            said = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    finally:
        shutil.rmtree(place)
    assert "The Docker engine runs, but this user may not talk to it." in said.stdout, said.stderr
    assert "usermod -aG docker" in said.stdout


class _OldEngine(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"Version": "19.03.15", "ApiVersion": "1.40", "MinAPIVersion": "1.12"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def old_engine(tmp_path: Path) -> Iterator[str]:
    """An engine of 2021, as far as asking for its version goes."""
    path = tmp_path / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _OldEngine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown()


def test_an_engine_that_is_too_old_is_refused(old_engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", old_engine)
    assert not engine_is_ready()
    with pytest.raises(PlatformError, match=r"is version 19\.03\.15; 20\.10 or newer is needed"):
        ensure_engine(SilentProgress())


def test_a_machine_without_docker_that_is_not_debian_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_answers() -> str:
        raise docker_engine.EngineUnreachable("no socket")

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_engine, "engine_version", nobody_answers)
    monkeypatch.setattr(docker_engine, "find_daemon", lambda: None)
    monkeypatch.setattr(docker_engine, "is_debian", lambda: False)
    with pytest.raises(PlatformError, match="Docker is not installed, and this is not a Debian system") as caught:
        ensure_engine(SilentProgress())
    assert "https://docs.docker.com/engine/install" in caught.value.next_step


@pytest.mark.exhaustive
def test_a_package_that_cannot_be_installed_is_told_with_what_to_type() -> None:
    with pytest.raises(PlatformError) as caught:
        apt_install(["christmas-no-such-package"], SilentProgress(), "A test wants a package that isn't there")
    assert "apt-get install" in caught.value.next_step
    assert "christmas-no-such-package" in str(caught.value)
