"""Names that the components share with tasks. Imports nothing, so that both can."""

from __future__ import annotations

PROJECT_LABEL = "com.christmas.project"
STACK_LABEL = "com.christmas.stack"
SERVICE_LABEL = "com.christmas.service"
SETTINGS_LABEL = "com.christmas.settings"

# Where every service finds its configuration and secrets.
CONFIG_DIRECTORY = "/run/christmas"

# Passwords are read inside the container, so that none is ever an argument or an environment variable seen from outside.
_REDIS_CLI = (
    'REDISCLI_AUTH="$(cat {directory}/{account}.password)" '
    "redis-cli --no-auth-warning --user {account} --tls --cacert {directory}/ca.crt -h localhost"
)


def redis_cli(account: str) -> str:
    """A shell command line that logs in as `account` (admin or monitor); the Redis command is appended to it."""
    return _REDIS_CLI.format(directory=CONFIG_DIRECTORY, account=account)
