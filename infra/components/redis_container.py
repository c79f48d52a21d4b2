"""Redis' container, and its configuration file as text. What starts the server: redis_start_command.py."""

from __future__ import annotations

from collections.abc import Iterable

from christmas.blueprint.model import Limits
from christmas.blueprint.redis_policy import REDIS_POLICY
from christmas.blueprint.services import REDIS
from infra.components.description import Content, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY, redis_cli
from infra.components.redis_start_command import ADDRESSES_FILE, start_command

PORT = REDIS.ports["redis"]
DATA = "redis-data"


def describe(
    limits: Limits, *, acl: Content, addresses: Content, admin_password: Content, monitor_password: Content, settings: Iterable[str] = ()
) -> ServiceContainer[Content]:
    """Redis with that ACL file; the passwords are for commands inside the container. `settings` are further lines of its configuration.

    `addresses` is the file of the accounts' addresses (`address_rules.configuration`).
    """
    configuration = "".join(f"{line}\n" for line in (redis_conf(limits).removesuffix("\n"), *settings))
    return ServiceContainer(
        service=REDIS.name,
        limits=limits,
        command=start_command(),
        volumes={"/data": DATA},
        files={
            "redis.conf": configuration,
            "users.acl": acl,
            ADDRESSES_FILE: addresses,
            "admin.password": admin_password,
            "monitor.password": monitor_password,
        },
        health=["CMD-SHELL", f"{redis_cli('monitor')} -e ping >/dev/null"],
        # Read at the start alone; while the server runs, a resource of the provider sets its content.
        read_anew=[ADDRESSES_FILE],
        settings=configuration,
    )


def redis_conf(limits: Limits) -> str:
    """`redis.conf` for a server with these limits, by the blueprint's policy."""
    policy = "\n".join(f"{name} {value}" for name, value in REDIS_POLICY.fixed.items())
    return f"""\
# Written by the Pulumi program; changes by hand are undone by the next `up`.
port 0
tls-port {PORT}
tls-cert-file {CONFIG_DIRECTORY}/tls.crt
tls-key-file {CONFIG_DIRECTORY}/tls.key
tls-ca-cert-file {CONFIG_DIRECTORY}/ca.crt
# Clients show a password, not a certificate.
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
bind * -::*
protected-mode yes
aclfile {CONFIG_DIRECTORY}/users.acl
acllog-max-len 512
enable-protected-configs no
enable-debug-command no
enable-module-command no

dir /data
databases 1

maxmemory {REDIS_POLICY.maxmemory(limits.memory_mib)}mb
{policy}

loglevel notice
logfile ""
"""
