"""Scratch stores beside the live ones: with their own network and certificates, removed afterwards.

For restores, drills and tests. Files can be copied into each container before its start; no port is published.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import secrets
import shlex
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup.restoring.bases import Base
from christmas.blueprint.services import EMBEDDER, REDIS, TIMESCALEDB, WEAVIATE, service
from core import health, temporary
from core.container_files import FileToPut, give, put_files
from core.docker_client import docker_client
from core.errors import PlatformError
from core.helper_containers import helper
from core.labels import PROJECT_LABEL, PURPOSE_LABEL, SERVICE_LABEL, STACK_LABEL, with_labels
from core.leftovers import owner_labels, remove_of_dead_processes
from infra.components.description import ServiceContainer
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Credentials, Endpoint, Platform
from infra.provider.certificates import issue_authority, issue_certificate

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.networks import Network

_ADDRESSES = {TIMESCALEDB.name: 10, REDIS.name: 11, WEAVIATE.name: 12, EMBEDDER.name: 13}
_NETWORK_TRIES = 20
_START_SECONDS = 180
_DRILLS_WEIGHT = 128
"""Of a drill's containers, an eighth of what Docker gives to others: clients of the live stores come first where processors are few."""
_DOCKERS_CHECK = 60 * 1_000_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Recipe:
    """A described container, its image and user, and the volume of each part that it mounts; those in `read_only` can't be written."""

    base: Base
    described: ServiceContainer[str]
    volumes: Mapping[str, str] = field(default_factory=dict)
    read_only: Collection[str] = ()

    @property
    def service(self) -> str:
        """The service's name."""
        return self.described.service

    def running(self, line: Sequence[str]) -> Recipe:
        """The same container with one command in place of its server."""
        return dataclasses.replace(
            self, described=dataclasses.replace(self.described, command=["-c", shlex.join(line)], entrypoint=["/bin/sh"], health=[])
        )


class Scratch:
    """A scratch network and everything started on it. Use `scratch`."""

    def __init__(self, name: str, purpose: str, folder: Path, *, owned: bool = True) -> None:
        self.name = name
        self._labels = {PROJECT_LABEL: "christmas", STACK_LABEL: name, PURPOSE_LABEL: purpose}
        if owned:
            # Resources with an owner are removed when that process is gone.
            self._labels |= owner_labels()
        self._ca_key, ca = issue_authority("christmas scratch", 1)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(ca)
        self._network: Network | None = None
        self.containers: dict[str, Container] = {}
        self.volumes: list[str] = []
        self._owned: set[str] = set()

    def open(self) -> None:
        """Make the network, on a free address range.

        Raises PlatformError if the name is taken: a live stack's volume would be mistaken for an empty one.
        """
        from docker.errors import APIError
        from docker.types import IPAMConfig, IPAMPool

        self._refuse_taken()
        for _ in range(_NETWORK_TRIES):
            subnet = f"10.{random.randint(200, 250)}.{random.randint(0, 255)}.0/27"  # noqa: S311 - any free one
            try:
                self._network = docker_client().networks.create(
                    f"christmas-{self.name}-network",
                    driver="bridge",
                    internal=True,
                    labels=self._labels,
                    ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]),
                )
            except APIError as error:
                if "overlap" not in str(error).lower():
                    raise PlatformError(what=f"no scratch network can be made: {error.explanation}", where="Docker") from error
            else:
                self._subnet = IPv4Network(subnet)
                return
        raise PlatformError(
            what="no scratch network can be made: all tried ranges are taken", where="Docker", next_step="docker network prune"
        )

    def _refuse_taken(self) -> None:
        client = docker_client()
        filters = with_labels(f"{STACK_LABEL}={self.name}")
        containers = client.containers.list(all=True, ignore_removed=True, filters=filters)
        taken: list[Any] = [*containers, *client.volumes.list(filters=filters), *client.networks.list(filters=filters)]
        if taken:
            raise PlatformError(
                what=f"the name {self.name} is taken: {', '.join(sorted(str(resource.name) for resource in taken))}",
                where="Docker",
                next_step="a restore never overwrites: choose another name",
            )

    @property
    def network(self) -> Network:
        """The open network."""
        if self._network is None:
            raise ValueError("the scratch network is not open yet")
        return self._network

    def address(self, service_name: str) -> str:
        """The fixed address of a service in the scratch network."""
        return str(self._subnet[_ADDRESSES[service_name]])

    @property
    def subnet(self) -> str:
        """The network's address range."""
        return str(self._subnet)

    @property
    def gateway(self) -> str:
        """The address of clients on this machine."""
        return str(self._subnet[1])

    def volume(self, part: str) -> str:
        """A new, empty volume."""
        name = f"christmas-{self.name}-{part}"
        if name not in self.volumes:
            docker_client().volumes.create(name, labels=self._labels)
            self.volumes.append(name)
        return name

    def create(self, recipe: Recipe) -> Container:
        """Create a container with certificates and files, without starting it."""
        from docker.errors import DockerException

        client = docker_client()
        network, described = str(self.network.name), recipe.described
        self._give_volumes(recipe)
        mounts = {
            recipe.volumes[part]: {"bind": path, "mode": "ro" if part in recipe.read_only else "rw"}
            for path, part in described.volumes.items()
        }
        mounts |= {self.volume(f"{recipe.service}-config"): {"bind": CONFIG_DIRECTORY, "mode": "rw"}}
        options = {
            **described.options(recipe.base.user),
            "name": f"christmas-{self.name}-{recipe.service}",
            "hostname": recipe.service,
            "labels": {**self._labels, SERVICE_LABEL: recipe.service},
            "volumes": mounts,
            # Callers wait for the service by the described check. Docker's own, from the image, is for people who look at it later.
            "healthcheck": {"interval": _DOCKERS_CHECK},
            "cpu_shares": _DRILLS_WEIGHT if self._labels[PURPOSE_LABEL] == "drill" else None,
            "network": network,
            "networking_config": {
                network: client.api.create_endpoint_config(aliases=[recipe.service], ipv4_address=self.address(recipe.service))
            },
        }
        try:
            container: Container = client.containers.create(recipe.base.image, **options)
        except DockerException as error:
            raise PlatformError(what=f"a scratch {recipe.service} can't be made: {error}", where="Docker") from error
        self.containers[recipe.service] = container
        files = {**self._certificates(recipe.service), **described.files}
        entries = [FileToPut(name, text.encode(), 0o400) for name, text in files.items()]
        put_files(container, CONFIG_DIRECTORY, entries, **recipe.base.owner)
        return container

    def _give_volumes(self, recipe: Recipe) -> None:
        """Make the service's user the owner of its new volumes: an image may say otherwise.

        By a helper: a container with a read-only root takes files into its volumes alone, and the owner is set from beside them.
        """
        new = {
            path: recipe.volumes[part]
            for path, part in recipe.described.volumes.items()
            if recipe.volumes[part] in self.volumes and recipe.volumes[part] not in self._owned
        }
        if not new:
            return
        with helper(recipe.base.image, "owner", volumes={volume: path for path, volume in new.items()}) as container:
            for path in new:
                give(container, path, **recipe.base.owner)
        self._owned.update(new.values())

    def _certificates(self, service_name: str) -> dict[str, str]:
        ca = self.ca_file.read_text()
        key, certificate = issue_certificate(
            self._ca_key, ca, service_name, [service_name, "localhost"], [self.address(service_name), "127.0.0.1"], 1
        )
        return {"ca.crt": ca, "tls.crt": certificate, "tls.key": key}

    def start(self, recipe: Recipe) -> Container:
        """Start a container, create it first if necessary, and wait until it answers.

        Raises PlatformError with its last lines if it doesn't.
        """
        container = self.containers.get(recipe.service) or self.create(recipe)
        container.start()
        check = health.check_of({"Config": {"Healthcheck": {"Test": list(recipe.described.health)}}})

        def well() -> bool:
            # A health check costs a process in the container, which the starting server needs more: wait first until it listens.
            return not self._refuses(recipe.service) and health.passes(docker_client().api, str(container.id), check)

        if check and not health.becomes_well(container, _START_SECONDS, well):
            lines = container.logs(tail=15).decode(errors="replace").strip()
            raise PlatformError(
                what=f"the scratch {recipe.service} does not come up; its last lines:\n{lines}", where=f"container {container.name}"
            )
        return container

    def _refuses(self, service_name: str) -> bool:
        """Whether nothing listens at the service's address yet. False if this machine can't tell."""
        port = next(iter(service(service_name).ports.values()))
        try:
            socket.create_connection((self.address(service_name), port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    def platform(self, accounts: Mapping[str, Credentials], *, embedding_profile: str, embedding_key: str) -> Platform:
        """The scratch stores as a platform for clients on this machine, with these accounts."""
        ports = {
            "postgres": (TIMESCALEDB.name, TIMESCALEDB.ports["postgres"]),
            "redis": (REDIS.name, REDIS.ports["redis"]),
            "weaviate": (WEAVIATE.name, WEAVIATE.ports["https"]),
            "weaviate_grpc": (WEAVIATE.name, WEAVIATE.ports["grpc"]),
            "embedder": (EMBEDDER.name, EMBEDDER.ports["https"]),
        }
        return Platform(
            stack=self.name,
            endpoints={
                name: Endpoint(self.address(where), port, where, port) for name, (where, port) in ports.items() if where in self.containers
            },
            accounts=dict(accounts),
            ca_file=self.ca_file,
            containers={name: str(container.name) for name, container in self.containers.items()},
            volumes={volume.removeprefix(f"christmas-{self.name}-"): volume for volume in self.volumes},
            network=str(self.network.name),
            embedding_profile=embedding_profile,
            embedding_key=embedding_key,
            keeps_itself=False,
        )

    def close(self) -> None:
        """Remove everything that was made, in any state."""
        from docker.errors import DockerException

        for container in self.containers.values():
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
        for volume in self.volumes:
            with contextlib.suppress(DockerException):
                docker_client().volumes.get(volume).remove(force=True)
        if self._network is not None:
            with contextlib.suppress(DockerException):
                self._network.remove()


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Scratch]:
    """A scratch network with a random name; removed at the end, with everything started on it."""
    remove_of_dead_processes()
    with temporary.folder("scratch") as folder:
        scratch_stores = Scratch(f"{purpose}-{secrets.token_hex(4)}", purpose, folder)
        try:
            scratch_stores.open()
            yield scratch_stores
        finally:
            scratch_stores.close()
