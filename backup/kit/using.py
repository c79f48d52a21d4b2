"""Bringing a stack up from its kit: on a new machine, or on the old one after it lost its state or passphrase."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airgap.toolchain.locate import real_pulumi
from backup.kit import coverage, envelope
from backup.kit.content import Kit, parse
from backup.restoring import recovery
from backup.sets import folders
from core.errors import PlatformError
from core.labels import of_stack
from infra import stack_state, stacks
from infra.ownership import PROJECT
from infra.stack_names import check_name

if TYPE_CHECKING:
    import docker

_MOST = 64 << 20  # bytes; a kit has some hundred thousand


def up(path: str, stack: str, *, identity: str = "", passphrase_file: str = "", refresh: bool = False) -> tuple[str, str, bool]:
    """Bring up the kit's stack, with its keys, passwords and settings.

    Returns the stack's name, the next step in words, and whether its data is on this engine too.

    After an interruption, call it again to continue. Raises PlatformError if the kit can't be opened or is another stack's, and if this
    machine already has a state, settings or keys under that name: they are never replaced.
    """
    content = _content(path)
    plain = envelope.unseal(
        content, path, identities=envelope.identities_of(identity), passphrase=lambda: envelope.known_passphrase(passphrase_file)
    )
    kit = parse(plain, path, PROJECT)
    name = check_name(_stack(kit, stack, path))
    unused = not stack_state.passphrase_file().exists()
    real_pulumi()  # fails before anything is written if the machine isn't ready
    folder = folders.folder_of(name)
    mine = hashlib.sha256(content).hexdigest()
    begun = recovery.read(folder)
    if begun is None or begun.kit != mine:
        if _passphrase_alone(kit, name):
            stacks.up(name, refresh=refresh)
            return name, f"the passphrase is back, and stack {name} is up", True
        _refuse_present(kit, name)
    with _engine() as host:
        _refuse_other_keys(host, kit, name)
        waits = begun.restore if begun and begun.kit == mine else not _has_data(host, name)
        recovery.begin(folder, recovery.Recovery(mine, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", waits))
        _put_state(kit, name, unused=unused)
        _remove_unknown(host, name)
    stacks.up(name, refresh=refresh)
    coverage.record(folder, coverage.Taken(kit.made_at, "a kit that this machine was brought up from", Path(path).name, kit.covers))
    if waits:
        return name, f"stack {name} is up with its keys and passwords, and empty; next: {recovery.COMMAND} --stack {name}", False
    recovery.end(folder)
    return name, f"stack {name} is up again with its keys, passwords and data; next: invoke check --stack {name}", True


def _content(path: str) -> bytes:
    try:
        file = Path(path).expanduser()
        if file.stat().st_size > _MOST:
            raise PlatformError(what="it is too big for a kit", where=path, next_step="give a file that backup.kit wrote")
        return file.read_bytes()
    except OSError as error:
        raise PlatformError(what=f"the kit can't be read: {error.strerror}", where=f"--kit {path}") from error


def _stack(kit: Kit, stack: str, path: str) -> str:
    """The kit's stack. Raises PlatformError if another one was named."""
    meant = stack or os.environ.get("CHRISTMAS_STACK") or os.environ.get("PULUMI_STACK") or kit.stack
    if meant != kit.stack:
        raise PlatformError(
            what=f"it is the kit of stack {kit.stack}, not of {meant}",
            where=path,
            next_step=f"a stack comes back under its own name: --stack {kit.stack}",
        )
    return kit.stack


def _passphrase_alone(kit: Kit, name: str) -> bool:
    """Restore only the passphrase, if nothing else is missing; returns whether that was the case."""
    file = stack_state.passphrase_file()
    set_otherwise = os.environ.keys() & {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"}
    if set_otherwise or file.exists() or not kit.state.passphrase:
        return False
    present = sorted(path.stem for path in (file.parent / "state").glob(".pulumi/stacks/**/*.json"))
    if not present:
        return False
    if name not in present:
        raise PlatformError(
            what=f"the passphrase here is lost, and the state has other stacks ({', '.join(present)}) but not the kit's",
            where=str(file),
            next_step="use the kit of one of those stacks first; or move the state away",
        )
    stack_state.write_new(file, kit.state.passphrase)
    try:
        stack_state.export(name)
    except PlatformError:
        file.unlink()
        raise
    return True


def _refuse_present(kit: Kit, name: str) -> None:
    """Raise PlatformError if this machine already has a part of what the kit would restore."""
    own, file = kit.state.passphrase, stack_state.passphrase_file()
    environment_passphrase = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    if own and environment_passphrase is not None and environment_passphrase != own:
        raise PlatformError(
            what="the environment has another passphrase than the kit",
            where="PULUMI_CONFIG_PASSPHRASE",
            next_step="unset it; the kit brings its own",
        )
    settings = stack_state.settings_file(name)
    if settings.exists() and kit.state.settings and _salt(settings.read_text(encoding="utf-8")) != _salt(kit.state.settings):
        raise PlatformError(
            what=f"there are settings of another stack {name} already",
            where=str(settings),
            next_step="move the file away, then run this again: the kit brings its own",
        )
    if own and environment_passphrase is None and file.exists() and file.read_text(encoding="utf-8").strip() != own and stacks.stacks():
        raise PlatformError(
            what="this clone's stacks are encrypted with another passphrase than the kit's",
            where=str(file),
            next_step="use a fresh clone for the kit's stack",
        )
    if name in stacks.stacks() and stack_state.holds(name):
        raise PlatformError(
            what=f"this machine already has a state of stack {name}, and a kit never replaces one",
            where="pulumi stack ls",
            next_step=f"invoke up --stack {name} brings it up; to use the kit, take a fresh clone",
        )
    stacks.refuse_others(name)


def _salt(settings: str) -> str:
    """The salt that ties a settings file to its passphrase."""
    return next((line.partition(":")[2].strip() for line in settings.splitlines() if line.startswith("encryptionsalt:")), "")


def _put_state(kit: Kit, name: str, *, unused: bool) -> None:
    """Write passphrase, settings and state where they are missing: an interrupted run may have written some.

    `unused` means that the passphrase on this machine protects nothing: Pulumi made it a moment ago when it read the state.
    """
    own, file, settings = kit.state.passphrase, stack_state.passphrase_file(), stack_state.settings_file(name)
    if own and not os.environ.keys() & {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"}:
        if file.exists() and file.read_text(encoding="utf-8").strip() != own:
            # No stack uses it: a command made it on a machine without stacks.
            file.unlink() if unused else file.rename(file.with_name(f"passphrase.before-kit-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
        if not file.exists():
            stack_state.write_new(file, own)
    if kit.state.settings and not settings.exists():
        stack_state.write_new(settings, kit.state.settings)
    stacks.ensure_stack(name)
    if not stack_state.holds(name):
        stack_state.put(name, kit.state.deployment)


@contextlib.contextmanager
def _engine() -> Iterator[docker.DockerClient]:
    from core.docker_client import docker_host

    with docker_host() as host:
        yield host


def _has_data(host: docker.DockerClient, name: str) -> bool:
    """Whether the database's files are on this engine."""
    return any(volume.name == f"{PROJECT}-{name}-timescaledb-data" for volume in host.volumes.list())


def _refuse_other_keys(host: docker.DockerClient, kit: Kit, name: str) -> None:
    """Raise PlatformError if this engine has other keys for a stack of that name, before anything of it is touched.

    If no image is available to look with, the provider checks before it writes.
    """
    import docker.errors

    from infra.provider.volumes import open_volume

    volume, container = f"{PROJECT}-{name}-keys", f"{PROJECT}-{name}-timescaledb"
    if not any(candidate.name == volume for candidate in host.volumes.list()):
        return
    try:
        image = str(host.containers.get(container).attrs["Image"])
    except docker.errors.NotFound:
        return
    with open_volume(volume, image, name) as files:
        stored_key = files.read().get("pgbackrest.key")
    if stored_key and stored_key.content and stored_key.content.decode() != kit.keys.passphrase:
        raise PlatformError(
            what=f"this engine has a stack {name} with other keys than the kit's: two stacks with one name",
            where=f"volume {volume}",
            next_step="use another engine for the kit's stack; or destroy that stack with its data first",
        )


def _remove_unknown(host: docker.DockerClient, name: str) -> None:
    """Remove containers and networks that a lost state left running: `up` creates them again on the same data."""
    import docker.errors

    if stack_state.knows_engine(name):
        return  # this call was interrupted while it brought the stack up: they are its own
    for container in host.containers.list(all=True, filters=of_stack(name), ignore_removed=True):
        with contextlib.suppress(docker.errors.NotFound):
            container.stop(timeout=120)
            container.remove(force=True)
    for network in host.networks.list(filters=of_stack(name)):
        with contextlib.suppress(docker.errors.NotFound):
            network.remove()
