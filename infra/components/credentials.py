"""A separate password for every account in every store that uses passwords."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from christmas.blueprint.accounts import ACCOUNTS
from infra.components.placement import Placement
from infra.provider.resources import Password

PASSWORD_LENGTH = 40


@dataclass(frozen=True, slots=True)
class CredentialsArgs:
    """The placement's settings count each account's rotations."""

    placement: Placement


class Credentials(pulumi.ComponentResource):
    """`postgres` and `redis` map accounts to passwords; the others are keys of single services."""

    postgres: dict[str, pulumi.Output[str]]
    redis: dict[str, pulumi.Output[str]]
    weaviate_root: pulumi.Output[str]
    weaviate_cluster: pulumi.Output[str]
    embedder: pulumi.Output[str]
    monitoring: pulumi.Output[str] | None
    superuser: pulumi.Output[str]

    def __init__(self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Credentials", name, {}, opts)
        self._rotations = args.placement.settings.rotations
        self.postgres = {account.name: self._password(f"{account.name}-postgres", account.name) for account in ACCOUNTS if account.postgres}
        self.redis = {account.name: self._password(f"{account.name}-redis", account.name) for account in ACCOUNTS if account.redis}
        self.weaviate_root = self._password("weaviate-root", "weaviate")
        self.weaviate_cluster = self._password("weaviate-cluster", "weaviate")
        self.embedder = self._password("embedder-token", "embedder")
        self.monitoring = self._password("monitoring-web", "monitoring") if args.placement.settings.monitoring else None
        # Upstream images need one to start; no access rule lets anybody log in with it.
        self.superuser = self._password("postgres-superuser", None)
        self.register_outputs({})

    def _password(self, name: str, account: str | None) -> pulumi.Output[str]:
        generation = self._rotations.get(account, 0) if account else 0
        keepers = {"generation": str(generation)}
        return Password(name, length=PASSWORD_LENGTH, keepers=keepers, opts=pulumi.ResourceOptions(parent=self)).result
