"""A running stack for its clients: addresses, accounts' credentials and the CA, read from the stack's outputs.

All rooms above infra use it. Credentials stay in memory; only the CA's certificate, which is public, is written to a file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from christmas.blueprint.relational import DATABASE
from core.disk import write_whole
from core.errors import PlatformError
from infra import trust
from infra.backup_places import BackupAccess

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".christmas"
DEFAULT_STACK = "dev"
SELF = "self"
"""The setting `schedule` of a stack whose schedule this clone runs."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A port's address: from the host, and from a container in the stack's network."""

    host: str
    port: int
    inside_host: str
    inside_port: int

    def address(self, *, inside: bool = False) -> tuple[str, int]:
        """Host and port for a client on either side."""
        return (self.inside_host, self.inside_port) if inside else (self.host, self.port)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's secrets; None for a store without the account."""

    postgres: str | None = field(default=None, repr=False)
    redis: str | None = field(default=None, repr=False)
    weaviate: str | None = field(default=None, repr=False)
    postgres_login: str | None = None  # the role that the password belongs to: the account's own or its twin; None for its own


@dataclass(frozen=True, slots=True)
class Turn:
    """An account's last rotation: how many there were, when the newest secret was made, and whether the one before it is still valid."""

    generation: int
    made_at: datetime
    former: bool


@dataclass(frozen=True, slots=True)
class AuthorityTurn(Turn):
    """The CA's last rotation. While `former` is true both are trusted; `former_signs` until servers show certificates of the newest."""

    former_signs: bool


@dataclass(frozen=True, slots=True)
class PageAccess:
    """What `check.serve` shows its page with: a certificate for loopback, and the password of its user."""

    certificate: str
    private_key: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Platform:
    """One running stack. `endpoints` has postgres, redis, weaviate, weaviate_grpc, embedder and, with monitoring, prometheus."""

    stack: str
    endpoints: dict[str, Endpoint]
    accounts: dict[str, Credentials] = field(repr=False)
    ca_file: Path
    containers: dict[str, str]  # service to container name
    volumes: dict[str, str]  # service to the name of its data volume; "pgbackrest" and "weaviate-backups" too
    network: str
    embedding_profile: str
    embedding_key: str = field(repr=False)  # the vendor's key, or the bundled embedder's token
    field_keys: str = field(default="", repr=False)  # the ring of keys for encrypted fields, as `christmas.sealed.ring` reads it
    images: dict[str, str] = field(default_factory=dict)  # service to the image that its container is made of
    client_networks: tuple[str, ...] = ()  # of other machines, from which applications log in
    foreign_images: tuple[str, ...] = ()  # services whose image is not this project's own
    users: dict[str, str] = field(default_factory=dict)  # service to the uid:gid that it runs as
    backup: BackupAccess = field(default_factory=BackupAccess, repr=False)
    keeps_itself: bool = True  # whether this clone runs the stack's schedule, instead of the machine's scheduler
    monitoring_password: str = field(default="", repr=False)  # for Prometheus' pages, as user `monitoring`; empty without
    starts_at_boot: bool = True  # whether this clone makes the machine start the schedule at boot
    rotations: dict[str, Turn] = field(default_factory=dict)  # by account; empty for a stack of a version without overlaps
    page: PageAccess | None = field(default=None, repr=False)  # None for a stack of a version without `check.serve`
    # Service to its container's properties, as Docker was told; empty for a stack of a version without them.
    declared: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    authority: AuthorityTurn | None = None  # the CA's; None for a stack of a version that doesn't rotate it

    def secret(self, account: str, store: str) -> str:
        """The account's password or API key.

        Raises PlatformError if the account does not exist in that store.
        """
        credentials = self.accounts.get(account)
        value: str | None = getattr(credentials, store, None) if credentials else None
        if value is None:
            names = sorted(name for name, credentials in self.accounts.items() if getattr(credentials, store) is not None)
            raise PlatformError(
                what=f"account {account!r} does not exist in {store}",
                where=f"stack {self.stack}",
                next_step=f"use one of: {', '.join(names)}",
            )
        return value

    def postgres_login(self, account: str) -> str:
        """The role that the account logs in as: its own, or its twin (docs/adr/0020). The session then acts as the account's role."""
        credentials = self.accounts.get(account)
        return (credentials and credentials.postgres_login) or account

    def postgres_url(self, account: str, *, inside: bool = False, ca_file: str | None = None) -> str:
        """The URL for libpq: certificate and name are verified with the CA in `sslrootcert`.

        Inside the network the URL has no CA without `ca_file`: only the client knows its path in the container.
        """
        host, port = self.endpoints["postgres"].address(inside=inside)
        password = quote(self.secret(account, "postgres"), safe="")
        url = f"postgresql://{self.postgres_login(account)}:{password}@{host}:{port}/{DATABASE}?sslmode=verify-full"
        ca = ca_file or (None if inside else str(self.ca_file))
        return f"{url}&sslrootcert={quote(ca, safe='/')}" if ca else url

    def redis_url(self, account: str, *, inside: bool = False, ca_file: str | None = None) -> str:
        """The URL for redis-py, over TLS; redis-py verifies certificate and name by default."""
        host, port = self.endpoints["redis"].address(inside=inside)
        password = quote(self.secret(account, "redis"), safe="")
        return f"rediss://{account}:{password}@{host}:{port}/0?ssl_ca_certs={quote(ca_file or str(self.ca_file), safe='/')}"

    def weaviate_url(self, *, inside: bool = False) -> str:
        """The REST API's base URL; gRPC is `endpoints["weaviate_grpc"]`."""
        host, port = self.endpoints["weaviate"].address(inside=inside)
        return f"https://{host}:{port}"


def stack_name(stack: str | None = None) -> str:
    """The chosen stack: the given one, else CHRISTMAS_STACK, else PULUMI_STACK, else the embedded default.

    The project's `pulumi` command uses the same order; if neither variable is set, it uses the selected stack.
    """
    return stack or os.environ.get("CHRISTMAS_STACK") or os.environ.get("PULUMI_STACK") or DEFAULT_STACK


def listed_stacks() -> list[dict[str, Any]]:
    """The clone's stacks, as `pulumi stack ls` tells them; none where it fails."""
    from airgap.toolchain.asking import ask

    done = ask(ROOT, "stack", "ls", "--json")
    stacks: list[dict[str, Any]] = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return stacks


def stack_outputs(stack: str | None = None, *, show_secrets: bool = True) -> dict[str, Any]:
    """The outputs of a stack, with secrets in plain text or as `[secret]`.

    Raises PlatformError if the stack does not exist or can't be read.
    """
    from airgap.toolchain.asking import ask
    from airgap.toolchain.pulumi_failures import diagnose

    name = stack_name(stack)
    done = ask(ROOT, "stack", "output", "--json", *(["--show-secrets"] if show_secrets else []), "--stack", name)
    if done.returncode != 0:
        if f"no stack named '{name}'" in done.stderr:
            others = ", ".join(other["name"] for other in listed_stacks())
            instead = f"; this clone has {others}: --stack NAME, or for all commands to come: export CHRISTMAS_STACK=NAME" if others else ""
            raise PlatformError(
                what=f"there is no stack {name}", where="pulumi stack ls", next_step=f"bring it up first: invoke up --stack {name}{instead}"
            )
        raise diagnose(done.stderr) or PlatformError(
            what=f"the outputs of stack {name} can't be read: {done.stderr.strip()}",
            where="pulumi stack output",
            next_step="fix the above, then run this again",
        )
    outputs: dict[str, Any] = json.loads(done.stdout or "{}")
    if "endpoints" not in outputs:
        raise PlatformError(what=f"stack {name} is not up", where="its outputs", next_step=f"invoke up --stack {name}")
    return outputs


def load(stack: str | None = None) -> Platform:
    """The running stack of that name, from its outputs.

    Raises PlatformError if the stack does not exist, is not up, or its outputs can't be decrypted.
    """
    name = stack_name(stack)
    return from_outputs(name, stack_outputs(name))


def from_outputs(stack: str, outputs: dict[str, Any]) -> Platform:
    """A Platform from a stack's outputs; writes the CA's certificate beside the state, for clients that need a path."""
    ca_file = LOCAL / "ca" / f"{stack}.pem"
    if not ca_file.exists() or ca_file.read_text() != outputs["ca_certificate"]:
        write_whole(ca_file, outputs["ca_certificate"], mode=0o644)
        trust.renew_bundle(ca_file)
    return Platform(
        stack=stack,
        endpoints={
            name: Endpoint(endpoint["host"], int(endpoint["port"]), endpoint["inside_host"], int(endpoint["inside_port"]))
            for name, endpoint in outputs["endpoints"].items()
        },
        accounts={name: Credentials(**secrets) for name, secrets in outputs["accounts"].items()},
        ca_file=ca_file,
        containers=dict(outputs["containers"]),
        volumes=dict(outputs["volumes"]),
        network=outputs["network"],
        embedding_profile=outputs["embedding_profile"],
        embedding_key=outputs["embedding_key"],
        # Stacks of versions without encrypted fields have none.
        field_keys=outputs.get("field_keys", ""),
        images=dict(outputs.get("images", {})),
        client_networks=tuple(outputs.get("client_networks", ())),
        foreign_images=tuple(outputs.get("foreign_images", ())),
        users=dict(outputs.get("users", {})),
        # Stacks of versions without these outputs must be brought up again before a backup.
        backup=BackupAccess.model_validate(outputs.get("backup", {})),
        keeps_itself=outputs.get("schedule", SELF) == SELF and os.environ.get("CHRISTMAS_SCHEDULE") != "off",
        monitoring_password=outputs.get("monitoring_password", ""),
        page=PageAccess(**outputs["page"]) if "page" in outputs else None,
        rotations={
            name: Turn(int(turn["generation"]), datetime.fromisoformat(turn["made"]), bool(turn["former"]))
            for name, turn in outputs.get("rotations", {}).items()
        },
        authority=_authority(outputs.get("authority")),
        declared=dict(outputs.get("declared", {})),
        starts_at_boot=bool(outputs.get("start_at_boot", True)) and os.environ.get("CHRISTMAS_START_AT_BOOT") != "off",
    )


def _authority(output: dict[str, Any] | None) -> AuthorityTurn | None:
    if output is None:
        return None
    made_at = datetime.fromisoformat(output["made"])
    return AuthorityTurn(int(output["generation"]), made_at, bool(output["former"]), bool(output["former_signs"]))
