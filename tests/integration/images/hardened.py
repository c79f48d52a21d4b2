"""The services as the platform runs them: read-only root, no capability, settings on a read-only volume of files with mode 0400."""

from __future__ import annotations

import contextlib
import io
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import docker
from docker.models.containers import Container
from docker.models.networks import Network
from docker.models.volumes import Volume

from airgap.images.catalog import image_reference
from infra.components.names import CONFIG_DIRECTORY
from tests.support import scratch
from tests.support.inside import inside
from tests.support.waiting import PATIENCE

TMP = {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"}


@dataclass(frozen=True)
class Service:
    """How one service is started; `data` are the folders that get a volume."""

    name: str
    uid: int
    port: int
    command: Sequence[str] = ()
    entrypoint: Sequence[str] | None = None
    data: Sequence[str] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def files_for(service: Service, authority: scratch.Authority) -> dict[str, bytes]:
    """Certificate, key and CA under the names that the platform uses."""
    certificate, key = authority.issue(service.name)
    return {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.pem}


@contextlib.contextmanager
def volume() -> Iterator[Volume]:
    """A named volume that is gone afterwards."""
    created = docker.from_env().volumes.create(f"christmas-tests-{uuid.uuid4().hex[:8]}", labels=scratch.labels())
    try:
        yield created
    finally:
        created.remove(force=True)


def write_files(service: Service, settings: Volume, files: Mapping[str, bytes]) -> None:
    """Put files on a settings volume, owned by the service's user and readable by nobody else."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.uid = member.gid = service.uid
            member.mode, member.size = 0o400, len(content)
            archive.addfile(member, io.BytesIO(content))
    carrier = docker.from_env().containers.create(
        image_reference(service.name), labels=scratch.labels(), volumes={settings.name: {"bind": CONFIG_DIRECTORY, "mode": "rw"}}
    )
    try:
        assert carrier.put_archive(CONFIG_DIRECTORY, packed.getvalue())
    finally:
        carrier.remove(force=True)


@contextlib.contextmanager
def started(
    service: Service,
    settings: Volume,
    data: Mapping[str, Volume],
    *,
    inside: Network | None = None,
    memory: str = "1g",
    also: Sequence[int] = (),
) -> Iterator[Container]:
    """Start the service on its volumes; yields it as soon as it is created, running or not. The volumes stay."""
    volumes = {each.name: {"bind": path, "mode": "rw"} for path, each in data.items()}
    volumes[settings.name] = {"bind": CONFIG_DIRECTORY, "mode": "ro"}
    client = docker.from_env()
    created = client.containers.create(
        image_reference(service.name),
        list(service.command) or None,
        name=f"christmas-tests-{service.name}-{uuid.uuid4().hex[:8]}",
        hostname=service.name,
        entrypoint=list(service.entrypoint) if service.entrypoint else None,
        environment=dict(service.environment),
        labels=scratch.labels(),
        ports={f"{port}/tcp": ("127.0.0.1", 0) for port in (service.port, *also)},
        volumes=volumes,
        tmpfs={**TMP, **service.tmpfs},
        user=f"{service.uid}:{service.uid}",
        mem_limit=memory,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        init=True,
    )
    try:
        if inside is not None:
            client.networks.get("bridge").disconnect(created)
            inside.connect(created, aliases=[service.name])
        created.start()
        created.reload()
        yield created
    finally:
        created.remove(force=True, v=True)


@contextlib.contextmanager
def running(
    service: Service, files: Mapping[str, bytes], *, inside: Network | None = None, memory: str = "1g", also: Sequence[int] = ()
) -> Iterator[Container]:
    """Start the service on fresh volumes; yields it once it is ready."""
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(volume())
        data = {path: stack.enter_context(volume()) for path in service.data}
        write_files(service, settings, files)
        container = stack.enter_context(started(service, settings, data, inside=inside, memory=memory, also=also))
        wait_ready(container)
        yield container


def health(container: Container) -> str:
    """What Docker's own health check of the image says."""
    container.reload()
    return str(container.attrs["State"]["Health"]["Status"])


def wait_ready(container: Container, seconds: float = PATIENCE) -> None:
    """Wait until the image's health check passes, asking it oftener than Docker would."""
    test = container.attrs["Config"]["Healthcheck"]["Test"]
    assert test[0] == "CMD"

    def passes() -> bool:
        return container.exec_run(test[1:]).exit_code == 0

    scratch.wait_until(passes, container, seconds)


def wait_healthy(container: Container, seconds: float = PATIENCE) -> None:
    """Wait until Docker finds the container healthy; shows the last answer where it does not."""
    deadline = time.monotonic() + seconds
    while (status := health(container)) != "healthy":
        state = container.attrs["State"]
        if state["Status"] == "exited" or time.monotonic() > deadline:  # unhealthy it may be for a while, on a busy machine
            logs = container.logs(tail=20).decode(errors="replace")
            raise AssertionError(f"{container.name} is {status} ({state['Status']}): {state['Health']['Log'][-1:]}\n{logs}")
        time.sleep(0.2)


def wait_exited(container: Container, seconds: float = PATIENCE) -> tuple[int, str]:
    """Wait for the container to end; return its exit code and everything that it wrote."""
    code = int(container.wait(timeout=seconds)["StatusCode"])
    return code, container.logs().decode(errors="replace")


def execute(container: Container, *command: str) -> str:
    """Run a command in the container as its user and return its output; PlatformError where it fails."""
    return inside(container, *command).decode(errors="replace")
