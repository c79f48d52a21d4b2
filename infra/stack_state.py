"""Moves a stack's state and settings to another machine: exports them from Pulumi, and imports them there.

Only engine-independent state moves: passwords, certificates, the keys of backups and fields. Containers, volumes and the content
of the servers are created again there, as after a `destroy`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from airgap.toolchain.asking import ask
from airgap.toolchain.environment import pulumi_environment
from airgap.toolchain.locks import clear_dead_locks
from core.errors import PlatformError
from infra.connections import LOCAL, ROOT
from infra.provider.drift_from_kits import FROM_KIT

_MOVES = frozenset(
    f"christmas:index:{kind}"
    for kind in (
        *("Password", "Rotation", "KeptPassword", "KeptIdentity", "FieldKeys"),
        *("AuthorityRotation", "CertificateAuthority", "Certificate"),
    )
)
_KEPT_IN_VOLUMES = frozenset(f"christmas:index:{kind}" for kind in ("KeptPassword", "KeptIdentity", "FieldKeys"))
_PROVIDER = "pulumi:providers:christmas"


def settings_file(stack: str) -> Path:
    """The file of the stack's settings."""
    return ROOT / f"Pulumi.{stack}.yaml"


def passphrase_file() -> Path:
    """The file of the passphrase that encrypts the state's secrets, unless the user has set another way."""
    return LOCAL / "passphrase"


def passphrase_in_use() -> str:
    """The passphrase that Pulumi uses; "" if another service keeps the stack's secrets.

    Raises PlatformError if its named file can't be read.
    """
    environment = pulumi_environment(ROOT)
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    named = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not named:
        return ""
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PlatformError(what=f"the passphrase can't be read: {error.strerror}", where=named) from error


def export(stack: str) -> dict[str, Any]:
    """The movable part of the stack's state, with secrets in plain text: only for a kit.

    Raises PlatformError if Pulumi can't read it.
    """
    exported: dict[str, Any] = json.loads(
        _pulumi(["stack", "export", "--show-secrets"], stack, f"the state of stack {stack} can't be read")
    )
    return portable(exported)


def portable(exported: dict[str, Any]) -> dict[str, Any]:
    """The movable part of an exported state, without references to the rest."""
    every = exported["deployment"].get("resources") or []
    moving = {resource["urn"] for resource in every if resource["type"] in _MOVES or resource["type"] in (_PROVIDER, "pulumi:pulumi:Stack")}
    parents = {resource["urn"]: resource.get("parent") for resource in every}
    for urn in tuple(moving):
        above = parents.get(urn)
        while above and above not in moving:
            moving.add(above)
            above = parents.get(above)
    resources = [_alone(resource, moving) for resource in every if resource["urn"] in moving and not resource.get("delete")]
    deployment = {**exported["deployment"], "resources": resources}
    deployment.pop("pending_operations", None)
    return {**exported, "deployment": deployment}


def _alone(resource: dict[str, Any], moving: set[str]) -> dict[str, Any]:
    alone = dict(resource)
    if "dependencies" in alone:
        alone["dependencies"] = [urn for urn in alone["dependencies"] if urn in moving]
    if "propertyDependencies" in alone:
        alone["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn in moving] for name, urns in alone["propertyDependencies"].items()
        }
    if alone["type"] == "pulumi:pulumi:Stack":
        # They name the lost engine's containers and ports: without them the stack counts as not up until it is.
        alone.pop("outputs", None)
    if alone["type"] in _KEPT_IN_VOLUMES:
        # Makes the next `up` check the volume even if nothing else has changed.
        alone["outputs"] = {**alone.get("outputs", {}), "drift": [FROM_KIT]}
    return alone


def holds(stack: str) -> bool:
    """Whether the state has resources of that stack.

    Raises PlatformError if Pulumi can't read it.
    """
    exported = json.loads(_pulumi(["stack", "export"], stack, f"the state of stack {stack} can't be read"))
    return bool(exported["deployment"].get("resources"))


def knows_engine(stack: str) -> bool:
    """Whether the state has containers or networks: a state from a kit has none."""
    exported = json.loads(_pulumi(["stack", "export"], stack, f"the state of stack {stack} can't be read"))
    return any(resource["type"].startswith("docker:") for resource in exported["deployment"].get("resources") or ())


def put(stack: str, deployment: dict[str, Any]) -> None:
    """Import an exported state into a stack that has none yet.

    Raises PlatformError if Pulumi refuses it.
    """
    _pulumi(["stack", "import"], stack, f"the state could not be put into stack {stack}", stdin=json.dumps(deployment))


def _pulumi(arguments: list[str], stack: str, what: str, stdin: str = "") -> str:
    """The CLI's output. Secrets go through pipes, never through arguments or files."""
    from airgap.toolchain.pulumi_failures import diagnose

    for line in clear_dead_locks(pulumi_environment(ROOT).get("PULUMI_BACKEND_URL", ""), stack):
        print(line, file=sys.stderr, flush=True)
    done = ask(ROOT, *arguments, "--stack", stack, stdin=stdin)
    if done.returncode != 0:
        raise diagnose(done.stderr) or PlatformError(
            what=f"{what}: {done.stderr.strip()[-600:]}",
            where=f"pulumi {' '.join(arguments[:2])}",
            next_step="fix that, then run this again",
        )
    return done.stdout


def write_new(path: Path, content: str) -> None:
    """Write a new file with mode 0600, whole or not at all.

    Raises FileExistsError if it exists.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
