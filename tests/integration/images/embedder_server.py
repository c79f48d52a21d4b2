"""A running embedder for the tests of its image."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
from cryptography import x509
from docker.models.containers import Container
from docker.models.volumes import Volume

from tests.integration.images.hardened import started, volume, wait_ready, write_files
from tests.integration.images.services import EMBEDDER, secret_files
from tests.support import scratch
from tests.support.waiting import PATIENCE, wait_for


@dataclasses.dataclass
class Server:
    """A running embedder, with what its clients and the tests that change its files need."""

    container: Container
    settings: Volume
    files: dict[str, bytes]
    authority: scratch.Authority
    token: str

    @property
    def port(self) -> int:
        return scratch.published(self.container, EMBEDDER.port)

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.pem.decode())

    def http(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=f"https://localhost:{self.port}", verify=self.trust, headers=headers, timeout=PATIENCE)

    def openai(self) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=self.trust, timeout=PATIENCE)
        return openai.OpenAI(base_url=f"https://localhost:{self.port}/v1", api_key=self.token, max_retries=0, http_client=http)

    def certificate(self) -> x509.Certificate:
        """The certificate that a new connection is given."""
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(socket.create_connection(("localhost", self.port), timeout=10))
            tls = stack.enter_context(self.trust.wrap_socket(plain, server_hostname="localhost"))
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")

    def hang_up_signal(self) -> str:
        """Send SIGHUP; return what the server says about it."""
        before = len(self.container.logs())
        self.container.kill("SIGHUP")

        def said() -> str:
            since = self.container.logs()[before:].decode(errors="replace")
            return since if "API key" in since else ""

        return wait_for(said, "the server says something about SIGHUP")

    def processor_seconds(self) -> float:
        """Processor time that the server has used so far: what it has done, however slowly, on any machine."""
        listed, ticks = self.container.top(), 0
        for row in listed["Processes"]:
            # Docker's health check comes and goes.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                stat = Path(f"/proc/{row[listed['Titles'].index('PID')]}/stat").read_text()
                ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def is_idle(self) -> bool:
        """Whether it does nothing for half a second."""
        before = self.processor_seconds()
        time.sleep(0.5)
        return self.processor_seconds() - before < 0.05


@contextlib.contextmanager
def running_server(authority: scratch.Authority) -> Iterator[Server]:
    """An embedder with files of its own, and short patience for bodies that never come."""
    files, secrets = secret_files(EMBEDDER, authority)
    with volume() as settings:
        write_files(EMBEDDER, settings, files)
        service = dataclasses.replace(EMBEDDER, environment={"EMBEDDER_RECEIVE_SECONDS": "3"})
        with started(service, settings, {}, memory="512m") as container:
            wait_ready(container)
            yield Server(container, settings, files, authority, secrets["password"])
