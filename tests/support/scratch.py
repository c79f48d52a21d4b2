"""Scratch containers of the tests: labelled, on random loopback ports, with certificates of a CA of their own, gone afterwards."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import docker
import docker.errors
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from docker.models.containers import Container
from docker.models.networks import Network

from airgap.images.catalog import build_command, image_reference
from christmas.blueprint.services import service as blueprint_service
from core.container_files import FileToPut, owner_of, put_files
from core.labels import MACHINE_LABEL, PROJECT_LABEL, TESTS_OWNER_LABEL
from core.leftovers import here, is_alive, remove_labelled
from infra.components.description import ServiceContainer
from infra.components.names import CONFIG_DIRECTORY
from tests.support.waiting import PATIENCE

TESTS_PROJECT = "christmas-tests"


def labels() -> dict[str, str]:
    """The labels by which leftovers of a killed test run are found; the owner is this process."""
    return {PROJECT_LABEL: TESTS_PROJECT, TESTS_OWNER_LABEL: str(os.getpid()), MACHINE_LABEL: here()}


def image(service: str) -> str:
    """The service's image: the one named for tests, else the catalogue's.

    Raises AssertionError with the command that builds it where it is missing.
    """
    reference = os.environ.get(f"CHRISTMAS_TEST_{service.upper()}_IMAGE") or image_reference(service)
    try:
        docker.from_env().images.get(reference)
    except docker.errors.ImageNotFound:
        raise AssertionError(f"no local image {reference}: {build_command(service)}") from None
    return reference


def remove_leftovers() -> None:
    """Remove containers and networks of test runs that are gone."""
    client = docker.from_env()
    remove_labelled(
        [f"{PROJECT_LABEL}={TESTS_PROJECT}", TESTS_OWNER_LABEL],
        lambda labels: labels.get(MACHINE_LABEL, here()) == here() and not is_alive(labels[TESTS_OWNER_LABEL]),
    )
    owners = {listed["Labels"][TESTS_OWNER_LABEL] for listed in client.api.images(filters={"label": TESTS_OWNER_LABEL})}
    for owner in owners:
        if not is_alive(owner):
            remove_images(int(owner))


def remove_images(owner: int) -> None:
    """Remove the images that process `owner` built for a test, also untagged ones: a build that fails leaves its last layer."""
    client = docker.from_env()
    for listed in client.api.images(filters={"label": f"{TESTS_OWNER_LABEL}={owner}"}):
        with contextlib.suppress(docker.errors.APIError):
            client.images.remove(listed["Id"], force=True)


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA for one test run."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str) -> tuple[bytes, bytes]:
        """A server certificate for the names, loopback included, and its key; both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.DNSName(name) for name in (*names, "localhost")]
        builder = (
            _builder(names[0], self.certificate.subject, key)
            .add_extension(x509.SubjectAlternativeName([*alternatives, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            # Python 3.13 and newer refuse a certificate that does not name its issuer's key.
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        certificate = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return certificate, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def new_authority() -> Authority:
    """A CA that lives for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scratch CA")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        _builder("scratch CA", name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(key, builder.sign(key, hashes.SHA256()))


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A bridge network for containers that find each other by alias."""
    created = docker.from_env().networks.create(f"christmas-tests-{uuid.uuid4().hex[:8]}", driver="bridge", labels=labels())
    try:
        yield created
    finally:
        created.remove()


@contextlib.contextmanager
def container(
    described: ServiceContainer[str],
    authority: Authority,
    *,
    inside: Network | None = None,
    environment: Mapping[str, str] | None = None,
    extra_hosts: Mapping[str, str] | None = None,
    data_mib: int = 0,
) -> Iterator[Container]:
    """Start a service as the platform describes it, on free loopback ports, with a certificate of `authority`; yields it running.

    With `data_mib` its data lie on a file system of that size, which can really be full.
    """
    client, service = docker.from_env(), blueprint_service(described.service)
    certificate, key = authority.issue(service.name, *service.aliases)
    files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.pem}
    if service.inner_aliases:
        certificate, key = authority.issue(*service.inner_aliases)
        files |= {"inner.crt": certificate, "inner.key": key, "inner-ca.crt": authority.pem}
    files |= {name: text.encode() for name, text in described.files.items()}
    options = {
        **described.options(service.user),
        "name": f"christmas-tests-{service.name}-{uuid.uuid4().hex[:8]}",
        "environment": {**described.environment, **(environment or {})},
        "labels": labels(),
        "ports": {f"{port}/tcp": ("127.0.0.1", 0) for port in service.ports.values()},
        "volumes": [CONFIG_DIRECTORY, *([] if data_mib else described.volumes), *described.read_only_volumes],
        "extra_hosts": dict(extra_hosts or {}),
        "nano_cpus": 0,  # tests may take what the machine has
        "healthcheck": {"test": ["NONE"]},  # it would ask by a command every few seconds, and nobody looks
    }
    if data_mib:
        uid, _, gid = service.user.partition(":")
        small = dict.fromkeys(described.volumes, f"size={data_mib}m,mode=0700,uid={uid},gid={gid}")
        options["tmpfs"] = {**options.get("tmpfs", {}), **small}
    created: Container = client.containers.create(image(service.name), **options)
    try:
        if inside is not None:
            client.networks.get("bridge").disconnect(created)
            inside.connect(created, aliases=[service.name])
        put_files(created, CONFIG_DIRECTORY, [FileToPut(name, text, 0o400) for name, text in files.items()], **owner_of(service.user))
        created.start()
        created.reload()
        yield created
    finally:
        created.remove(force=True, v=True)


def published(running: Container, port: int) -> int:
    """The host's port for a container's."""
    return int(running.attrs["NetworkSettings"]["Ports"][f"{port}/tcp"][0]["HostPort"])


def wait_until(ready: Callable[[], bool], running: Container, seconds: float = PATIENCE) -> None:
    """Wait for a container to answer; shows its last lines where it does not."""
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except Exception as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{running.name} is not ready after {seconds:.0f} s ({last}):\n{running.logs(tail=20).decode(errors='replace')}")
