"""Redis: server and ACL."""

from __future__ import annotations

import hashlib
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint import model as blueprint
from christmas.blueprint.accounts import ACCOUNTS, ADMIN
from christmas.blueprint.services import REDIS
from infra.components.container import Deployed, Deployment, ServiceArgs, data_volume, image
from infra.components.credentials import Credentials
from infra.components.redis_container import DATA, describe
from infra.provider.address_rules import address_rules, configuration
from infra.provider.redis_acl import redis_acl_line, redis_rules
from infra.provider.redis_addresses import RedisAddresses
from infra.provider.redis_user import RedisUser, reload_command

SERVICE = REDIS.name


class Redis(pulumi.ComponentResource):
    """`container` runs and is healthy; its ACL is the blueprint's. `logins` has each account's password, known once the server takes it."""

    container: docker.Container
    declared: dict[str, Any]
    data: docker.Volume
    logins: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Redis", name, {}, opts)
        placement = args.placement
        self.data = data_volume(placement, DATA, self)
        monitoring, elsewhere = placement.settings.monitoring, placement.settings.elsewhere
        rules = pulumi.Output.all(args.network.subnet, args.network.gateway).apply(
            lambda at: address_rules(ACCOUNTS, at[0], at[1], monitoring=monitoring, elsewhere=elsewhere)
        )
        # The files come before the server's change: what stands in them must be taken before and after it.
        described = describe(
            placement.limits(SERVICE),
            acl=_acl_file(args.credentials),
            addresses=rules.apply(configuration),
            admin_password=args.credentials.redis["admin"].lasting,
            monitor_password=args.credentials.redis["monitor"].lasting,
        )
        deployment = Deployment(
            placement=placement,
            network=args.network,
            pki=args.pki,
            volumes={DATA: self.data.name},
            published=[(args.port, REDIS.ports["redis"])],
        )
        deployed = Deployed(described, deployment, image(placement, SERVICE, self), self)
        self.container, self.declared = deployed.container, deployed.declared
        admin = self._users(args.credentials)
        RedisAddresses(
            "redis-addresses",
            container=self.container.name,
            server=self.container.id,
            rules=rules,
            required=not placement.is_upstream(SERVICE),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[admin]),
        )
        # It logs in as admin, whose password may have changed.
        deployed.reload({"exec": list(reload_command()), "user": placement.user(SERVICE)}, depends_on=[admin])
        self.register_outputs({"container": self.container.name})

    def _users(self, credentials: Credentials) -> RedisUser:
        """The ACL of the running server. Returns the admin's user, which comes first: that account sets the others."""
        at = {"container": self.container.name, "server": self.container.id}

        self.logins = {}

        def user(name: str, declared: blueprint.RedisUser | None, opts: pulumi.ResourceOptions) -> RedisUser:
            secrets = credentials.redis[name] if declared else None
            redis_user = RedisUser(
                f"{name}-redis-user",
                name=name,
                rules=list(redis_rules(declared)),
                password=secrets.newest if secrets else None,
                former_password=secrets.former if secrets else None,
                opts=opts,
                **at,
            )
            if secrets:
                self.logins[name] = pulumi.Output.all(secrets.newest, redis_user.id).apply(lambda known: str(known[0]))
            return redis_user

        admin = user(ADMIN.name, ADMIN.redis, pulumi.ResourceOptions(parent=self))
        after = pulumi.ResourceOptions(parent=self, depends_on=[admin])
        for account in ACCOUNTS:
            if account.redis and account is not ADMIN:
                user(account.name, account.redis, after)
        # In every Redis the default user lets anybody in; here it is off.
        user("default", None, after)
        return admin


def _acl_file(credentials: Credentials) -> pulumi.Output[str]:
    """The whole ACL file, which Redis reads at every start: changes at run time need no saving."""
    accounts = [account for account in ACCOUNTS if account.redis]

    def render(secrets: list[str | None]) -> str:
        hashes = [hashlib.sha256(password.encode()).hexdigest() if password else None for password in secrets]
        lines = [
            redis_acl_line(account.name, account.redis, *pair) for account, *pair in zip(accounts, hashes[::2], hashes[1::2], strict=True)
        ]
        return "\n".join([redis_acl_line("default", None, None), *lines]) + "\n"

    both = [secret for account in accounts for secret in (credentials.redis[account.name].newest, credentials.redis[account.name].former)]
    return pulumi.Output.all(*both).apply(lambda secrets: render(list(secrets)))
