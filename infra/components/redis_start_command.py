"""The command that starts the Redis server in its container."""

from __future__ import annotations

import shlex

from christmas.blueprint.redis_policy import REDIS_POLICY
from infra.components.names import CONFIG_DIRECTORY
from infra.provider.address_rules import MODULE

ADDRESSES_FILE = "addresses.conf"


def start_command() -> list[str]:
    """Start the server with its configuration file, and with those optional settings of the policy that this build supports.

    A build reports the first unsupported line of a configuration; the second line here is always unsupported. The module that binds
    accounts to addresses is loaded where the image has it: one of others may not (docs/adr/0014), and a server without it refuses its
    settings.
    """
    tried = [
        f'printf \'{name} {value}\\nport none\\n\' | redis-server - 2>&1 | grep -q "\'{name}" || set -- "$@" --{name} {shlex.quote(value)}'
        for name, value in REDIS_POLICY.where_possible.items()
    ]
    module = f'[ ! -x {MODULE} ] || set -- "$@" --loadmodule {MODULE} --include {CONFIG_DIRECTORY}/{ADDRESSES_FILE}'
    return ["sh", "-c", "\n".join([*tried, module, f'exec redis-server {CONFIG_DIRECTORY}/redis.conf "$@"']), "redis-server"]
