"""Whether each store answers, only over TLS, with a certificate that stays valid."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from christmas.blueprint.certificate_lifetimes import RENEW_BELOW
from christmas.blueprint.relational import DATABASE
from core.errors import PlatformError
from core.patience import patience
from infra.connections import Platform
from monitor import wire
from monitor.containers import problem_of
from monitor.result import Finding, critical, ok, unknown, warning

_CRITICAL_BELOW = RENEW_BELOW / 4
_GREETED_WITHIN = 10.0
_BUSY = "ask again; docker stats shows what is busy, docker logs what the service says"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the platform: how to greet it without TLS, and which answer shows that it accepted that.

    `ready` is a path that says whether the store behind the port works, where something else takes the connections.
    """

    endpoint: str
    greeting: bytes
    accepted: Callable[[bytes], bool]
    postgres: bool = False
    alpn: tuple[str, ...] = ()
    ready: str = ""


def _http_accepted(answer: bytes) -> bool:
    # Go's server answers a plain request on a TLS port with a bare 400.
    return answer.startswith(b"HTTP/") and b" 400 " not in answer[:20]


# X509_V_ERR_CERT_HAS_EXPIRED, which OpenSSL says of the server's certificate and of its authority's.
_HAS_EXPIRED = 10
_SERVICES = {"postgres": ("timescaledb",), "weaviate": ("haproxy", "weaviate"), "weaviate_grpc": ("haproxy", "weaviate")}
"""The services behind a port, the one that clients reach first; others' ports have their names."""
_HTTP = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
PORTS = (
    # E is an error, which is what a refusal looks like; R asks for a password, so plain text went through.
    Port("postgres", wire.postgres_greeting("monitor", DATABASE), lambda answer: answer[:1] == b"R", postgres=True),
    Port("redis", b"PING\r\n", lambda answer: answer[:1] in (b"+", b"-")),
    Port("weaviate", _HTTP, _http_accepted, ready="/v1/.well-known/ready"),
    # A frame of type 4 (settings) from the server means that it talks HTTP/2 in the clear.
    Port("weaviate_grpc", wire.http2_greeting(), lambda answer: answer[3:4] == b"\x04", alpn=("h2",)),
    Port("embedder", _HTTP, _http_accepted),
)


def _address(port: Port, platform: Platform) -> tuple[str, int]:
    try:
        return platform.endpoints[port.endpoint].address()
    except KeyError:
        raise PlatformError(
            what=f"the stack has no {port.endpoint}", where="its outputs", next_step=f"invoke up --stack {platform.stack}"
        ) from None


def reachable(port: Port, platform: Platform) -> Finding:
    """The port accepts connections, somebody speaks on them, and the store behind it works."""
    host, number = _address(port, platform)
    try:
        socket.create_connection((host, number), timeout=patience(wire.SECONDS)).close()
        # The kernel takes connections for a process that stands still.
        if not _is_greeted(port, host, number, platform.ca_file):
            return critical(
                f"{host}:{number} takes connections, and nobody speaks on them",
                f"docker stats --no-stream and docker logs show whether it is busy; else: docker restart {_container(port, platform)}",
            )
        if port.ready:
            _ask_behind(f"https://{host}:{number}", port.ready, platform.ca_file)
    except TimeoutError as error:
        return unknown(f"{host}:{number} did not answer in time: {error}", _BUSY)
    except OSError as error:
        services = [name for name in _SERVICES.get(port.endpoint, (port.endpoint,)) if name in platform.containers]
        stopped = "".join(
            f"; container {platform.containers[name]} {problem}" for name in services if (problem := problem_of(platform, name))
        )
        return critical(
            f"{host}:{number} can't be reached: {error}{stopped}", f"invoke up --stack {platform.stack}; docker ps -a shows what stopped"
        )
    return ok(f"answers at {host}:{number}")


def _container(port: Port, platform: Platform) -> str:
    service = _SERVICES.get(port.endpoint, (port.endpoint,))[0]
    return platform.containers.get(service, service)


def _is_greeted(port: Port, host: str, number: int, ca_file: Path) -> bool:
    """Whether the other side says anything at all; what it says, other checks judge."""
    try:
        with wire.tls(host, number, ca_file, postgres=port.postgres, alpn=port.alpn, seconds=_GREETED_WITHIN):
            return True
    except TimeoutError:
        return False
    except (ssl.SSLError, ConnectionError):
        return True


def _ask_behind(url: str, path: str, ca_file: Path) -> None:
    """Raise OSError where what takes the connections says that the store behind it doesn't answer, TimeoutError where it says nothing."""
    try:
        wire.get_json(url, ca_file, "", path)
    except urllib.error.HTTPError as error:
        if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise OSError(f"what stands in front of the store answers {error.code}") from None
    except urllib.error.URLError as error:
        # Certificates have a check of their own.
        if isinstance(error.reason, OSError) and not isinstance(error.reason, ssl.SSLError):
            raise error.reason from None


def encrypted(port: Port, platform: Platform) -> Finding:
    """TLS verifies against the stack's CA, and plain text is refused. A greeting that is cut off shows neither."""
    host, number = _address(port, platform)
    try:
        with wire.tls(host, number, platform.ca_file, postgres=port.postgres, alpn=port.alpn) as connection:
            version = connection.version()
    except (TimeoutError, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        return unknown(f"the greeting was slow or cut: {error}", _BUSY)
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        return critical(f"TLS does not verify: {reason}", f"invoke up --stack {platform.stack} renews and installs certificates")
    if port.accepted(wire.say_plain(host, number, port.greeting)):
        return critical("plain text is accepted", f"invoke up --stack {platform.stack} puts the settings back; find out who changed them")
    return ok(f"{version}, verified; plain text is refused")


def certificate(port: Port, platform: Platform) -> Finding:
    """The server's certificate has enough of its life left."""
    host, number = _address(port, platform)
    try:
        with wire.tls(host, number, platform.ca_file, postgres=port.postgres, alpn=port.alpn) as connection:
            start, end = wire.validity(connection)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code != _HAS_EXPIRED:
            raise
        return critical("its time is over: no client that verifies connects any more", f"invoke up --stack {platform.stack} renews it")
    return judge_certificate(start, end, datetime.now(UTC), platform.stack)


def judge_certificate(start: datetime, end: datetime, now: datetime, stack: str) -> Finding:
    """What is left of a certificate's life, judged by the blueprint's rule of renewal."""
    left, days = (end - now) / (end - start), (end - now).total_seconds() / 86_400
    message = f"valid until {end:%Y-%m-%d}, {days:.0f} days"
    renew = f"invoke up --stack {stack} renews it"
    if left < _CRITICAL_BELOW:
        return critical(message, renew, round(days, 1), "days")
    if left < RENEW_BELOW:
        return warning(message, renew, round(days, 1), "days")
    return ok(message, round(days, 1), "days")
