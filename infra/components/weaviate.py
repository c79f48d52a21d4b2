"""Weaviate: server, roles and users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import WeaviatePermission
from christmas.blueprint.services import HAPROXY, WEAVIATE
from christmas.blueprint.twin_logins import twin_of
from infra.components.container import Deployed, Deployment, ServiceArgs, data_volume, image
from infra.components.credentials import newest
from infra.components.haproxy import Haproxy
from infra.components.weaviate_container import BACKUPS, DATA, describe, secrets_file
from infra.provider.weaviate_role import WeaviateRole
from infra.provider.weaviate_user import WeaviateUser

SERVICE = WEAVIATE.name


@dataclass(frozen=True, slots=True)
class WeaviateArgs(ServiceArgs):
    """Weaviate has a second host port."""

    grpc_port: pulumi.Input[int]


class Weaviate(pulumi.ComponentResource):
    """`container` runs and is ready, and is reached through `front`. `api_keys` has each account's key, known once it is taken."""

    container: docker.Container
    declared: dict[str, Any]
    front: Haproxy
    data: docker.Volume
    backups: docker.Volume
    api_keys: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: WeaviateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Weaviate", name, {}, opts)
        placement = args.placement
        self.data = data_volume(placement, DATA, self)
        self.backups = data_volume(placement, BACKUPS, self)
        secrets = pulumi.Output.all(args.credentials.weaviate_root, args.credentials.weaviate_cluster)
        described = describe(placement.limits(SERVICE), secrets=secrets.apply(lambda keys: secrets_file(keys[0], keys[1])))
        deployment = Deployment(
            placement=placement,
            network=args.network,
            pki=args.pki,
            volumes={DATA: self.data.name, BACKUPS: self.backups.name},
        )
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container, self.declared = deployed.container, deployed.declared
        # It reads certificates and keys only at its start.
        reload = deployed.reload({"restart": True})
        self.front = Haproxy(HAPROXY.name, args, args.grpc_port, self.container, pulumi.ResourceOptions(parent=self))
        self.api_keys = self._accounts(args, [reload, self.front.container, self.front.loaded])
        self.register_outputs({"container": self.container.name})

    def _accounts(self, args: WeaviateArgs, ready: list[pulumi.Resource]) -> dict[str, pulumi.Output[str]]:
        settings = args.placement.settings
        at = {
            "endpoint": pulumi.Output.from_input(args.port).apply(lambda port: f"https://{settings.connect_host}:{port}"),
            "ca_certificate_pem": args.pki.ca_certificate,
            "admin_key": args.credentials.weaviate_root,
            "server": self.container.id,
            "through": self.front.container.id,
        }
        keys: dict[str, list[pulumi.Output[str]]] = {}
        for account in ACCOUNTS:
            if account.weaviate is None:
                continue
            role = account.weaviate.built_in_role
            # The server knows a new root key only after its restart.
            depends_on: list[pulumi.Resource] = [self.container, *ready]
            if role is None:
                own_role = WeaviateRole(
                    f"{account.name}-weaviate-role",
                    name=account.name,
                    permissions=[permission_inputs(permission) for permission in account.weaviate.permissions],
                    opts=pulumi.ResourceOptions(parent=self, depends_on=ready),
                    **at,
                )
                role, depends_on = account.name, [own_role]
            turn = args.credentials.turns[account.name]
            keys[account.name] = [
                WeaviateUser(
                    resource,
                    name=login,
                    roles=[role],
                    keepers={"generation": generation},
                    present=generation.apply(lambda filled: None if filled else False),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=depends_on),
                    **at,
                ).api_key
                for resource, login, generation in (
                    (f"{account.name}-weaviate-user", account.name, turn.first),
                    (f"{account.name}-weaviate-twin-user", twin_of(account.name), turn.twin),
                )
            ]
        bound = self.front.bind(keys, args.credentials.weaviate_root)
        turns = args.credentials.turns
        return {
            # Nobody is given a key before it is taken.
            name: pulumi.Output.all(newest(turns[name], *several), bound.taken_up).apply(lambda known: str(known[0]))
            for name, several in keys.items()
        }


def permission_inputs(declared: WeaviatePermission) -> dict[str, str]:
    """A permission as the resource's input."""
    alias = {} if declared.alias is None else {"alias": declared.alias}
    return {"action": declared.action, "collection": declared.collection, **alias}
