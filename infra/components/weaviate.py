"""Weaviate: server, roles and users."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import WeaviatePermission
from christmas.blueprint.services import WEAVIATE
from christmas.blueprint.twin_logins import twin_of
from infra.components.container import Deployed, Deployment, ServiceArgs, data_volume, image
from infra.components.credentials import newest
from infra.components.weaviate_container import BACKUPS, DATA, describe, secrets_file
from infra.provider.reloads import Reload
from infra.provider.weaviate_role import WeaviateRole
from infra.provider.weaviate_user import WeaviateUser

SERVICE = WEAVIATE.name


@dataclass(frozen=True, slots=True)
class WeaviateArgs(ServiceArgs):
    """Weaviate has a second host port."""

    grpc_port: pulumi.Input[int]


class Weaviate(pulumi.ComponentResource):
    """`container` runs and is ready; `api_keys` has each account's key."""

    container: docker.Container
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
            published=[(args.port, WEAVIATE.ports["https"]), (args.grpc_port, WEAVIATE.ports["grpc"])],
        )
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container = deployed.container
        # It reads certificates and keys only at its start.
        reload = deployed.reload({"restart": True})
        self.api_keys = self._accounts(args, reload)
        self.register_outputs({"container": self.container.name})

    def _accounts(self, args: WeaviateArgs, reload: Reload) -> dict[str, pulumi.Output[str]]:
        settings = args.placement.settings
        at = {
            "endpoint": pulumi.Output.from_input(args.port).apply(lambda port: f"https://{settings.connect_host}:{port}"),
            "ca_certificate_pem": args.pki.ca_certificate,
            "admin_key": args.credentials.weaviate_root,
            "server": self.container.id,
        }
        keys: dict[str, pulumi.Output[str]] = {}
        for account in ACCOUNTS:
            if account.weaviate is None:
                continue
            role = account.weaviate.built_in_role
            # The server knows a new root key only after its restart.
            depends_on: list[pulumi.Resource] = [self.container, reload]
            if role is None:
                own_role = WeaviateRole(
                    f"{account.name}-weaviate-role",
                    name=account.name,
                    permissions=[permission_inputs(permission) for permission in account.weaviate.permissions],
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[reload]),
                    **at,
                )
                role, depends_on = account.name, [own_role]
            turn = args.credentials.turns[account.name]
            api_keys = [
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
            keys[account.name] = newest(turn, *api_keys)
        return keys


def permission_inputs(declared: WeaviatePermission) -> dict[str, str]:
    """A permission as the resource's input."""
    alias = {} if declared.alias is None else {"alias": declared.alias}
    return {"action": declared.action, "collection": declared.collection, **alias}
