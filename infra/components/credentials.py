"""A separate password for every account in every store that uses passwords, and whose turn it is while one is rotated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.password_rotation import ROTATED
from christmas.blueprint.services import EMBEDDER
from infra.components.names import LIVE_PAGE
from infra.components.placement import Placement
from infra.provider.passwords import Password
from infra.provider.rotation import Rotation

PASSWORD_LENGTH = 40


@dataclass(frozen=True, slots=True)
class CredentialsArgs:
    """The placement's settings count each account's rotations, and say until when a former secret is valid."""

    placement: Placement


@dataclass(frozen=True, slots=True)
class Passwords:
    """An account's passwords in one store, by place; "" where the place is empty."""

    first: pulumi.Output[str]
    twin: pulumi.Output[str]
    turn: Rotation

    @property
    def newest(self) -> pulumi.Output[str]:
        """The one to log in with."""
        return newest(self.turn, self.first, self.twin)

    @property
    def former(self) -> pulumi.Output[str | None]:
        """The one that is still taken; None if there is none."""
        return newest(self.turn, self.twin, self.first).apply(lambda text: text or None)

    @property
    def lasting(self) -> pulumi.Output[str]:
        """The one that the server surely knows before and after an `up`: the former one as long as it is taken."""
        newer = self.newest
        return newest(self.turn, self.twin, self.first).apply(lambda former: former or newer)


def newest(turn: Rotation, first: pulumi.Output[str], twin: pulumi.Output[str]) -> pulumi.Output[str]:
    """That of two values, by place, which belongs to the newest secret. A preview may not know the other one."""
    return turn.newest.apply(lambda place: twin if place == "twin" else first)


class Credentials(pulumi.ComponentResource):
    """`postgres` and `redis` map accounts to passwords, `turns` has whose turn it is; the others are keys of single services."""

    postgres: dict[str, Passwords]
    redis: dict[str, Passwords]
    turns: dict[str, Rotation]
    weaviate_root: pulumi.Output[str]
    weaviate_cluster: pulumi.Output[str]
    embedder: Passwords
    monitoring: pulumi.Output[str] | None
    page: pulumi.Output[str]
    superuser: pulumi.Output[str]

    def __init__(self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Credentials", name, {}, opts)
        settings, now = args.placement.settings, datetime.now(UTC)
        self._child = pulumi.ResourceOptions(parent=self)
        self.turns = {
            name: Rotation(
                f"{name}-rotation",
                generation=settings.rotations.get(name, 0),
                over=settings.overlap_is_over(name, now),
                opts=self._child,
            )
            for name in ROTATED
        }
        self.postgres = {account.name: self._passwords(account.name, "postgres") for account in ACCOUNTS if account.postgres}
        self.redis = {account.name: self._passwords(account.name, "redis") for account in ACCOUNTS if account.redis}
        self.weaviate_root = self._password("weaviate-root", settings.rotations.get("weaviate", 0))
        self.weaviate_cluster = self._password("weaviate-cluster", settings.rotations.get("weaviate", 0))
        self.embedder = self._passwords(EMBEDDER.name, "token")
        self.monitoring = self._password("monitoring-web", settings.rotations.get("monitoring", 0)) if settings.monitoring else None
        self.page = self._password("live-page", settings.rotations.get(LIVE_PAGE, 0))
        # Upstream images need one to start; no access rule lets anybody log in with it.
        self.superuser = self._password("postgres-superuser", 0)
        self.register_outputs({})

    def _passwords(self, account: str, store: str) -> Passwords:
        turn = self.turns[account]
        return Passwords(self._placed(f"{account}-{store}", turn.first), self._placed(f"{account}-{store}-twin", turn.twin), turn)

    def _placed(self, name: str, generation: pulumi.Output[str]) -> pulumi.Output[str]:
        password = self._password(name, generation)
        return generation.apply(lambda filled: password if filled else "")

    def _password(self, name: str, generation: Any) -> pulumi.Output[str]:
        keepers = {"generation": pulumi.Output.from_input(generation).apply(str)}
        return Password(name, length=PASSWORD_LENGTH, keepers=keepers, opts=self._child).result
