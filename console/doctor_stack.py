"""The doctor's checks of Pulumi and the stack: CLI, passphrase, locks, name, owner, ports, unfinished restore."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

from airgap.toolchain import locks as stack_locks
from airgap.toolchain.locate import CLI_VERSION, cli_version, real_pulumi, version_text
from christmas.blueprint.services import SERVICES
from console import engine
from core.chosen_engine import chosen_engine
from core.errors import PlatformError
from core.labels import CLONE_LABEL, PROJECT_LABEL, STACK_LABEL
from infra.stack_names import check_name
from monitor.result import Finding, critical, ok, warning


def cli() -> Finding:
    """A Pulumi CLI of a supported version exists."""
    try:
        program = real_pulumi()
    except PlatformError as error:
        return warning(f"the Pulumi CLI is missing ({error.where})", "make machine builds it (make up does, too)")
    return ok(f"{version_text(cli_version(program) or CLI_VERSION)} at {program}")


def passphrase(root: Path) -> Finding:
    """The passphrase of the state exists, and only its owner can read it."""
    if os.environ.get("PULUMI_CONFIG_PASSPHRASE"):
        return ok("given by PULUMI_CONFIG_PASSPHRASE")
    named = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    file = Path(named) if named else root / ".christmas" / "passphrase"
    stacks = _states(root)
    if not file.is_file():
        if not stacks and not named:
            return ok("none yet; make up makes one")
        message = f"{file} is missing" + (f"; only it decrypts the secrets of stacks {', '.join(stacks)}" if stacks else "")
        return critical(message, "invoke up --kit FILE restores it from a recovery kit; or restore your own copy")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return warning(f"others may read {file}", f"chmod 600 {file}")
    return ok(f"{file}, readable by its owner only")


def locks(root: Path) -> Finding:
    """No lock of a killed run is left in the state."""
    backend = os.environ.get("PULUMI_BACKEND_URL") or (root / ".christmas" / "state").as_uri()
    dead, alive = [], []
    for file, holder in stack_locks.locks_of(backend):
        if holder is None or stack_locks.is_gone(holder):
            dead.append((file.parent.name, holder))
        else:
            alive.append(f"stack {file.parent.name} is in use by {holder}")
    if dead:
        message = "; ".join(
            f"stack {stack} is locked by {holder or 'an unreadable lock file'}, which no longer runs" for stack, holder in dead
        )
        step = "; ".join(f"pulumi cancel --yes --stack {stack}" for stack in dict.fromkeys(stack for stack, _ in dead))
        return warning(message, f"{step} (invoke up removes locks of dead processes itself)", len(dead), "locks")
    return ok("; ".join(alive) or "no locks", 0, "locks")


def name(stack: str) -> Finding:
    """The stack name is valid. Raises PlatformError with a valid name if not."""
    return ok(check_name(stack))


def owner(stack: str, root: Path) -> Finding:
    """No other clone has a stack of this name on this engine."""
    record = engine.ask(chosen_engine(), f"/volumes/christmas-{stack}-owner")
    labels = (record or {}).get("Labels") or {}
    if not labels.get(f"{CLONE_LABEL}clone"):
        return ok(f"the name {stack} is free")
    clone, host, state = (str(labels.get(CLONE_LABEL + field, "")) for field in ("clone", "host", "state"))
    if (clone, host) == (str(root), socket.gethostname()) or (state and state == _own_state(root)):
        return ok(f"stack {stack} is this clone's, since {labels.get(f'{CLONE_LABEL}since')}")
    return critical(
        f"stack {stack} on this engine is another clone's: {clone} on {host}",
        f"use another name: CHRISTMAS_STACK={stack[:35]}-2 make up",
    )


def _own_state(root: Path) -> str:
    try:
        return (root / ".christmas" / "state" / "christmas-id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def ports(stack: str, root: Path) -> Finding:
    """The stack's ports are its own; for a new stack, the default ports are free or `up` chooses others."""
    own = _published(stack)
    reserved = _recorded_ports(stack, root)
    if lost := [port for port in reserved.values() if port not in own and not _is_free(port)]:
        shown = ", ".join(map(str, lost))
        step = f"ss -ltnp 'sport = :{lost[0]}' shows which; stop it, then invoke up"
        return critical(f"another program uses port {shown} of this stack", step)
    if reserved or own:
        return ok(f"used by this stack: {', '.join(map(str, sorted(own or reserved.values())))}")
    wished = [port for service in SERVICES for port in service.published.values()]
    taken = [port for port in wished if not _is_free(port)]
    if taken:
        return ok(f"{', '.join(map(str, taken))} is taken; up chooses the next free port", len(taken), "ports")
    return ok(f"{', '.join(map(str, wished))} are free")


def _published(stack: str) -> set[int]:
    try:
        containers = engine.ask(
            chosen_engine(), engine.labelled("/containers/json", f"{PROJECT_LABEL}=christmas", f"{STACK_LABEL}={stack}")
        )
    except (OSError, engine.Unasked):
        return set()
    return {int(port["PublicPort"]) for container in containers or () for port in container.get("Ports") or () if "PublicPort" in port}


def _recorded_ports(stack: str, root: Path) -> dict[str, int]:
    """The ports recorded in the clone's own state."""
    if os.environ.get("PULUMI_BACKEND_URL"):
        return {}
    try:
        state: Any = json.loads((root / ".christmas/state/.pulumi/stacks/christmas" / f"{stack}.json").read_bytes())
        resources = state["checkpoint"]["latest"]["resources"]
        blocks = [resource["outputs"]["ports"] for resource in resources if resource.get("type") == "christmas:index:PortBlock"]
        return {endpoint: int(port) for block in blocks for endpoint, port in block.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def restore(stack: str, root: Path) -> Finding:
    """No live restore is unfinished."""
    begun = root / ".christmas" / "backups" / stack / "restore.json"
    if begun.exists():
        return critical(f"a live restore of stack {stack} is unfinished ({begun})", "invoke status shows how to continue")
    return ok("no unfinished restore")


def _states(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / ".christmas" / "state").glob(".pulumi/stacks/**/*.json"))
