"""Records on the Docker engine which clone of this project runs a stack, so that a second clone does not use the same volumes.

Names on an engine consist of project and stack: two clones that both call their stack `dev` would share volumes. The record is
an empty volume with labels. It is not a Pulumi resource: resources are created in parallel, and the record must come first;
and a moved clone would have to replace it. It stays as long as the stack's data.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import pwd
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airgap.toolchain.environment import LOOKS_FIRST
from airgap.toolchain.locks import state_folder
from core.docker_client import docker_client, docker_host
from core.errors import PlatformError
from core.labels import CLONE_LABEL, PROJECT_LABEL, SERVICE_LABEL, STACK_LABEL, of_stack, with_labels
from infra.connections import ROOT

if TYPE_CHECKING:
    import docker

PROJECT = "christmas"
PART = "owner"
_STATE_FILE = "christmas-id"


@dataclass(frozen=True, slots=True)
class Owner:
    """A clone of the project. `state` identifies its state, and moves with it; `since` is when it made the stack."""

    clone: str
    user: str
    host: str
    state: str
    since: str

    def __str__(self) -> str:
        return f"clone {self.clone} of user {self.user} on host {self.host}, since {self.since}"


def this_clone(backend: str) -> Owner:
    """Return this clone as an owner; `backend` is the URL of its state."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return Owner(str(ROOT), pwd.getpwuid(os.geteuid()).pw_name, socket.gethostname(), _identity(backend), now)


def record_name(stack: str) -> str:
    """Return the name of the volume that is the record."""
    return f"{PROJECT}-{stack}-{PART}"


def claim(stack: str, backend: str, *, dry_run: bool = False) -> None:
    """Record that this clone runs the stack; with `dry_run` only check.

    Raises PlatformError if another clone does, naming it, and if the engine does not answer (unless `dry_run`).
    """
    here = this_clone(backend)
    try:
        host = docker_client()
    except PlatformError:
        if dry_run:
            return  # unknown, but a preview is still possible
        raise
    owner = recorded(host, stack)
    if owner is None:
        _refuse_unrecorded(host, stack, backend)
        if dry_run:
            return
        _write(host, stack, here)
        # If two clones come at once, the engine lets one create the volume, and both read its labels.
        owner = recorded(host, stack) or here
    if not is_same(owner, here):
        raise _taken(host, stack, owner)
    if not dry_run and (owner.clone, owner.user, owner.host) != (here.clone, here.user, here.host):
        host.volumes.get(record_name(stack)).remove()
        _write(host, stack, Owner(here.clone, here.user, here.host, here.state, owner.since))


def refuse_elsewhere(stack: str, backend: str, *, dry_run: bool = False) -> None:
    """Raise PlatformError if the state says that the stack is up, and this engine has nothing of it: it is up on another engine, or lost.

    Also if the engine does not answer (unless `dry_run`): half of the stack, what lies in its servers, can be reached without it.
    """
    from core.chosen_engine import chosen_engine

    network = f"{PROJECT}-{stack}-network"
    folder = state_folder(backend)
    if folder is None or not _state_knows(backend, stack, network):
        return
    labels = of_stack(stack)
    try:
        with docker_host() as host:
            containers = host.containers.list(all=True, filters=labels, ignore_removed=True)
            if containers or host.volumes.list(filters=labels) or host.networks.list(filters=labels):
                return
    except PlatformError:
        if dry_run:
            return
        raise
    raise PlatformError(
        what=f"stack {stack} is up as its state says, and this engine has nothing of it",
        where=str(chosen_engine()),
        next_step="name the engine that it is on: DOCKER_HOST, DOCKER_CONTEXT or docker context use; "
        f"if all of it was lost there: invoke up --refresh --stack {stack} makes it again, empty",
    )


def recorded(host: docker.DockerClient, stack: str) -> Owner | None:
    """Return the recorded owner of the stack, or None."""
    import docker.errors

    try:
        labels = host.volumes.get(record_name(stack)).attrs.get("Labels") or {}
    except docker.errors.NotFound:
        return None
    fields = {field: str(labels.get(CLONE_LABEL + field, "")) for field in Owner.__slots__}
    return Owner(**fields) if fields["clone"] else None


def is_same(owner: Owner, here: Owner) -> bool:
    """Whether the recorded owner is this clone: in the same folder, or moved here with its state (a copy is another clone)."""
    if (owner.clone, owner.host) == (here.clone, here.host):
        return True
    if not owner.state or owner.state != here.state:
        return False
    return owner.host != here.host or not _is_there(owner)


def _is_there(owner: Owner) -> bool:
    """Whether the recorded clone still has its state: then a clone with the same state is a copy."""
    theirs, ours = (Path(clone) / ".christmas" / "state" / _STATE_FILE for clone in (owner.clone, ROOT))
    try:
        return theirs.read_text().strip() == owner.state and not theirs.samefile(ours)
    except OSError:
        return False


def _identity(backend: str) -> str:
    """The identity of a state: a number kept in a local folder, else the backend's address, which its users share."""
    folder = state_folder(backend)
    if folder is None:
        parts = urlsplit(backend)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if backend else ""  # without user, password or key
    file = folder / _STATE_FILE
    with contextlib.suppress(OSError):
        if not file.exists():
            draft = file.with_name(f"{_STATE_FILE}.{os.getpid()}")
            draft.write_text(secrets.token_hex(8))
            try:
                # A link, not a rename: of two parallel commands the second must not replace the identity that the first returned.
                file.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return file.read_text().strip()
    return str(folder)


def _write(host: docker.DockerClient, stack: str, owner: Owner) -> None:
    labels = {PROJECT_LABEL: PROJECT, STACK_LABEL: stack, SERVICE_LABEL: PART}
    labels |= {CLONE_LABEL + field: getattr(owner, field) for field in Owner.__slots__}
    host.volumes.create(record_name(stack), labels=labels)


def _refuse_unrecorded(host: docker.DockerClient, stack: str, backend: str) -> None:
    """Check a stack that is older than these records: it is this clone's if its state knows the network."""
    name = f"{PROJECT}-{stack}-network"
    if not any(network.name == name for network in host.networks.list(names=[name])) or _state_knows(backend, stack, name):
        return
    raise PlatformError(
        what=f"this Docker engine already has a stack {stack} that this clone did not make",
        where=f"network {name}; the clone that made it left no record",
        next_step=_other_name(host, stack),
    )


def _state_knows(backend: str, stack: str, name: str) -> bool:
    folder = state_folder(backend)
    if folder is None:
        return True  # a remote state: Pulumi itself reports conflicts
    files = list(folder.glob(f".pulumi/stacks/{PROJECT}/{stack}.json*"))
    return any(
        f'"{name}"'.encode() in (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
        for file in files
        if file.suffix in {".json", ".gz"}
    )


def _taken(host: docker.DockerClient, stack: str, owner: Owner) -> PlatformError:
    running = host.containers.list(ignore_removed=True, filters=of_stack(stack))
    steps = _other_name(host, stack)
    if owner.host == socket.gethostname() and not _seen(owner.clone):
        steps += (
            "\nThat folder is gone. To take over its stack with the data: "
            f"docker rm -f $(docker ps -aq --filter label={STACK_LABEL}={stack}),\n"
            f"docker network rm {PROJECT}-{stack}-network, docker volume rm {record_name(stack)}, then make up"
        )
    return PlatformError(
        what=f"stack {stack} on this Docker engine belongs to another clone, which {'runs it' if running else 'has its data there'}",
        where=str(owner),
        next_step=steps,
    )


def _seen(folder: str) -> bool:
    try:
        return Path(folder).exists()
    except OSError:
        return True  # not visible to this user


def _other_name(host: docker.DockerClient, stack: str) -> str:
    from infra.stack_names import LONGEST

    taken = {str(volume.name) for volume in host.volumes.list(filters=with_labels(f"{SERVICE_LABEL}={PART}"))}
    free = next(name for number in range(2, 10_000) if record_name(name := f"{stack[: LONGEST - 5]}-{number}") not in taken)
    again = f"CHRISTMAS_STACK={free}"
    return f"take another name for this clone's stack: {again} make up\n(before later commands: export {again})"


def claim_in_program() -> None:
    """`claim` for the Pulumi program, before its first resource. Raises pulumi.RunError, which Pulumi shows without a traceback."""
    import pulumi

    stack, backend, dry_run = pulumi.get_stack(), os.environ.get("PULUMI_BACKEND_URL", ""), pulumi.runtime.is_dry_run()
    try:
        if LOOKS_FIRST not in os.environ:
            refuse_elsewhere(stack, backend, dry_run=dry_run)
        claim(stack, backend, dry_run=dry_run)
    except PlatformError as error:
        raise pulumi.RunError(str(error)) from None
