"""Redis: server and ACL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from christmas.blueprint import model as blueprint
from christmas.blueprint.accounts import ACCOUNTS, ADMIN
from christmas.blueprint.services import REDIS
from infra.components.container import ServiceContainerArgs, config_volume, data_volume, image, service_container
from infra.components.credentials import Credentials
from infra.components.names import redis_cli
from infra.components.network import PlatformNetwork
from infra.components.pki import Pki
from infra.components.placement import Placement
from infra.components.redis_config import redis_conf, start_command
from infra.provider.redis_acl import redis_acl_line, redis_rules
from infra.provider.redis_user import reload_command
from infra.provider.resources import ConfigFiles, Reload
from infra.provider.store_resources import RedisUser

SERVICE = REDIS.name


@dataclass(frozen=True, slots=True)
class RedisArgs:
    """The server's dependencies, and the host port that publishes it."""

    placement: Placement
    network: PlatformNetwork
    pki: Pki
    credentials: Credentials
    port: pulumi.Input[int]


class Redis(pulumi.ComponentResource):
    """`container` runs and is healthy; its ACL is the blueprint's. `logins` has each account's password, known once the server takes it."""

    container: docker.Container
    data: docker.Volume
    logins: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Redis", name, {}, opts)
        placement = args.placement
        self.data = data_volume(placement, f"{SERVICE}-data", self)
        service_image = image(placement, SERVICE, self)
        config = config_volume(placement, SERVICE, self)
        uid, gid = placement.owner(SERVICE)
        files = ConfigFiles(
            f"{SERVICE}-config",
            volume=config.name,
            image=service_image.image_id,
            uid=uid,
            gid=gid,
            files={
                **args.pki.files(SERVICE),
                "redis.conf": redis_conf(placement.limits(SERVICE)),
                "users.acl": _acl_file(args.credentials),
                # The files come before the server's change: what stands in them must be taken before and after it.
                "admin.password": args.credentials.redis["admin"].lasting,
                "monitor.password": args.credentials.redis["monitor"].lasting,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.container = service_container(
            ServiceContainerArgs(
                placement=placement,
                network=args.network,
                service=SERVICE,
                command=start_command(),
                config_volume=config.name,
                volumes={"/data": self.data.name},
                tmpfs={"/tmp": f"rw,noexec,nosuid,nodev,size={placement.limits(SERVICE).tmpfs_mib}m,mode=1777"},  # noqa: S108
                health=["CMD-SHELL", f"{redis_cli('monitor')} ping | grep -q PONG"],
                settings=redis_conf(placement.limits(SERVICE)),
                published=[(args.port, REDIS.ports["redis"])],
            ),
            service_image,
            pulumi.ResourceOptions(parent=self, depends_on=[files]),
        )
        admin = self._users(args.credentials)
        # It logs in as admin, whose password may have changed.
        Reload(
            f"{SERVICE}-reload",
            container=self.container.name,
            server=self.container.id,
            written_at=files.written_at,
            action={"exec": list(reload_command()), "user": placement.user(SERVICE)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[admin]),
        )
        self.register_outputs({"container": self.container.name})

    def _users(self, credentials: Credentials) -> RedisUser:
        """The ACL of the running server. Returns the admin's user, which comes first: that account sets the others."""
        at = {"container": self.container.name, "server": self.container.id}

        self.logins = {}

        def user(name: str, declared: blueprint.RedisUser | None, opts: pulumi.ResourceOptions) -> RedisUser:
            secrets = credentials.redis[name] if declared else None
            made = RedisUser(
                f"{name}-redis-user",
                name=name,
                rules=list(redis_rules(declared)),
                password=secrets.newest if secrets else None,
                former_password=secrets.former if secrets else None,
                opts=opts,
                **at,
            )
            if secrets:
                self.logins[name] = pulumi.Output.all(secrets.newest, made.id).apply(lambda known: str(known[0]))
            return made

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

    both = [each for account in accounts for each in (credentials.redis[account.name].newest, credentials.redis[account.name].former)]
    return pulumi.Output.all(*both).apply(lambda secrets: render(list(secrets)))
