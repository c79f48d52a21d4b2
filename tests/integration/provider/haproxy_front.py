"""A running HAProxy in front of a real Weaviate, and what its tests ask of it."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from docker.models.containers import Container

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from christmas.blueprint.services import HAPROXY
from core.container_commands import execute
from core.container_files import FileToPut, owner_of, put_files
from infra.components.haproxy_container import KEYS_DIRECTORY, KEYS_FILE, LOAD, key_line
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Platform
from security.audit import haproxy_log
from tests.integration.provider.kept import Kept
from tests.support.inside import inside
from tests.support.waiting import wait_for
from tests.support.weaviate_server import ScratchWeaviate

NETWORKS = {account.name: account.weaviate.networks for account in ACCOUNTS if account.weaviate}
HTTPS, GRPC = HAPROXY.ports["https"], HAPROXY.ports["grpc"]
SEARCH = "/weaviate.v1.Weaviate/Search"


@dataclasses.dataclass(frozen=True, slots=True)
class Front:
    """The running HAProxy: `platform` reaches Weaviate through it. `gateway` is this process' address in the network."""

    platform: Platform
    behind: ScratchWeaviate
    container: Container
    gateway: str
    server: str

    @contextlib.contextmanager
    def configured(self, text: str) -> Iterator[None]:
        """Have it run with another configuration for a while."""
        former = inside(self.container, "cat", f"{CONFIG_DIRECTORY}/haproxy.cfg")
        try:
            self.write(CONFIG_DIRECTORY, {"haproxy.cfg": text.encode()})
            self.take_up_changes()
            yield
        finally:
            self.write(CONFIG_DIRECTORY, {"haproxy.cfg": former})
            self.take_up_changes()

    def write(self, directory: str, files: dict[str, bytes]) -> None:
        """Files in the container, where it can't write itself."""
        put_files(self.container, directory, [FileToPut(name, text, 0o400) for name, text in files.items()], **owner_of(HAPROXY.user))

    def take_up_changes(self) -> None:
        """Have it load changed files, as `up` does."""
        Kept(
            "Reload",
            {
                "container": str(self.container.name),
                "server": str(self.container.id),
                "written_at": datetime.now(UTC).isoformat(),
                "action": LOAD,
            },
        ).up()

    def bind_keys(self, **other: tuple[Network, ...]) -> None:
        """Give it the keys with the blueprint's networks, or others."""
        table = "".join(key_line(name, self.key(name), places) for name, places in {**NETWORKS, **other}.items())
        self.write(KEYS_DIRECTORY, {KEYS_FILE: table.encode()})
        self.take_up_changes()

    def key(self, account: str) -> str:
        return self.platform.secret(account, "weaviate")

    def connect(self) -> http.client.HTTPSConnection:
        return connection(self.platform)

    def ask(self, path: str, *headers: tuple[str, str], method: str = "GET", body: str = "") -> int:
        """The status of the answer to a request with exactly these headers."""
        return status(self.platform, path, *headers, method=method, body=body)

    def call(self, account: str) -> bool:
        """Whether an empty call through gRPC gets as far as Weaviate, which refuses it."""
        with self.channel() as channel:
            call = channel.unary_unary(SEARCH, request_serializer=bytes, response_deserializer=bytes)
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=(("authorization", f"Bearer {self.key(account)}"),), timeout=60)
        return "header with status: 403" not in (refused.value.details() or "")

    def channel(self) -> grpc.Channel:
        host, port = self.platform.endpoints["weaviate_grpc"].address()
        return grpc.secure_channel(f"{host}:{port}", grpc.ssl_channel_credentials(self.platform.ca_file.read_bytes()))

    def refusals(self) -> list[Any]:
        """The refusals that its log reports."""
        return [event for line in self.container.logs().splitlines() if (event := haproxy_log.event_of("", line))]


def connection(platform: Platform) -> http.client.HTTPSConnection:
    host, port = platform.endpoints["weaviate"].address()
    return http.client.HTTPSConnection(host, port, context=ssl.create_default_context(cafile=platform.ca_file), timeout=60)


def status(platform: Platform, path: str, *headers: tuple[str, str], method: str = "GET", body: str = "") -> int:
    with contextlib.closing(connection(platform)) as made:
        made.putrequest(method, path)
        for name, value in headers:
            made.putheader(name, value)
        made.putheader("Content-Length", str(len(body)))
        made.endheaders(body.encode())
        answer = made.getresponse()
        answer.read()
        return answer.status


def bearer(key: str, *, word: str = "Bearer") -> tuple[str, str]:
    return ("Authorization", f"{word} {key}")


PATIENT = ("timeout client-hs 10s", "timeout client-hs 30m")
"""Strangers stay until a slow machine has looked at all of it."""


def flooding(front: Front, flood: contextlib.ExitStack, bound: int) -> list[socket.socket]:
    """Strangers, one after another until one beyond the bound is ended. A process of before a change takes some more for a moment."""
    silent = [flood.enter_context(stranger(front)) for _ in range(bound)]

    def one_is_ended() -> bool:
        silent.append(flood.enter_context(stranger(front)))
        return any(map(ended, silent))

    wait_for(one_is_ended, "one beyond the bound is ended", pause=0.1)
    assert sum(not ended(connection) for connection in silent) >= bound
    return silent


def stranger(front: Front) -> socket.socket:
    """A connection that says nothing."""
    return socket.create_connection(front.platform.endpoints["weaviate"].address(), timeout=60)


def ended(made: socket.socket) -> bool:
    """Whether the other side has ended it by now."""
    made.settimeout(0)
    try:
        return made.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def gets_in(front: Front, container: Container, address: str = "") -> bool:
    """Whether a client in that container is shown HAProxy's certificate."""
    front.container.reload()
    own = front.container.attrs["NetworkSettings"]["Networks"][front.behind.network.name]["IPAddress"]
    command = ["openssl", "s_client", "-brief", "-connect", f"{address or own}:{HTTPS}"]
    return execute(str(container.id), command, check=False).code == 0
