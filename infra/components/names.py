"""Names that components and tasks share. Imports nothing, so that both can import it."""

from __future__ import annotations

# The folder of every service's configuration and secrets.
CONFIG_DIRECTORY = "/run/christmas"

# The user of the page that `check.serve` shows, and its place among certificates and rotations. No account of a store.
LIVE_PAGE = "page"

# Passwords are read inside the container, so that they are never in an argument or a visible environment variable.
_REDIS_CLI = (
    'REDISCLI_AUTH="$(cat {directory}/{account}.password)" '
    "redis-cli --no-auth-warning --user {account} --tls --cacert {directory}/ca.crt -h localhost"
)


def redis_cli(account: str) -> str:
    """A shell command line that logs in as `account` (admin or monitor); append the Redis command."""
    return _REDIS_CLI.format(directory=CONFIG_DIRECTORY, account=account)
