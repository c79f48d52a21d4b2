"""A certificate whose time is over, shown by a real TLS server: critical, and not a check that could not be done."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra.connections import Endpoint, Platform
from infra.provider.certificates import issue_authority, issue_certificate
from monitor import ports_and_certificates

CA_KEY, CA = issue_authority("tests CA", 365)
REDIS = next(port for port in ports_and_certificates.PORTS if port.endpoint == "redis")


def dated(begin: datetime, end: datetime) -> str:
    """A server's key and certificate of that time, in one text."""
    key, issued = issue_certificate(CA_KEY, CA, "redis", ["localhost"], ["127.0.0.1"], 30)
    certificate, signer = x509.load_pem_x509_certificate(issued.encode()), load_pem_private_key(CA_KEY.encode(), None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return key + builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()  # type: ignore[arg-type]


@contextlib.contextmanager
def shown(text: str, folder: Path) -> Iterator[Platform]:
    """A server that shows this certificate, as the Redis of a platform."""
    (folder / "server.pem").write_text(text)
    (folder / "ca.pem").write_text(CA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as wrapped:
                        wrapped.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield Platform(
            stack="dev",
            endpoints={"redis": Endpoint("127.0.0.1", listening.getsockname()[1], "redis", 6379)},
            accounts={},
            ca_file=folder / "ca.pem",
            containers={},
            volumes={},
            network="",
            embedding_profile="embedded",
            embedding_key="",
        )


@pytest.mark.parametrize(
    ("age", "left", "status"),
    [(30, -1, "critical"), (29, 1, "critical"), (25, 5, "warning"), (1, 29, "ok")],
    ids=["ended", "about to end", "to be renewed", "new"],
)
def test_what_is_left_of_a_certificate(tmp_path: Path, age: float, left: float, status: str) -> None:
    now = datetime.now(UTC)
    with shown(dated(now - timedelta(days=age), now + timedelta(days=left)), tmp_path) as platform:
        found = ports_and_certificates.certificate(REDIS, platform)
        assert found.status == status, found
        assert ("its time is over" in found.message) is (left < 0)
        assert ports_and_certificates.encrypted(REDIS, platform).status == ("critical" if left < 0 else "ok")


def test_one_that_does_not_verify_for_another_reason_is_left_to_the_check_of_tls(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with shown(dated(now - timedelta(days=1), now + timedelta(days=29)), tmp_path) as platform:
        (tmp_path / "ca.pem").write_text(issue_authority("somebody else", 1)[1])
        with pytest.raises(ssl.SSLCertVerificationError):
            ports_and_certificates.certificate(REDIS, platform)
        assert ports_and_certificates.encrypted(REDIS, platform).status == "critical"
