"""A prompt in a store: psql, redis-cli or Python, logged in as an account, with the tool's exit code.

No password is in a command line. psql reads it from an anonymous file in memory (memfd), or from a file in the container's tmpfs that is
removed before psql starts. redis-cli can't read a file, so it gets the password in its environment. The Python prompt has it in memory.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from christmas.blueprint.relational import DATABASE
from christmas.blueprint.services import REDIS, TIMESCALEDB
from core.errors import PlatformError
from core.memory_file import file_in_memory
from infra import connections
from infra.client_lines import pgpass_line
from infra.components.names import CONFIG_DIRECTORY

if TYPE_CHECKING:
    from infra.connections import Platform

SUPERUSER = "postgres"
"""The superuser: it has no password, and can log in only through the socket in the container."""

# Read-only accounts.
_USUAL = {"pg": "analyst", "redis": "monitor", "weaviate": "rag"}
_STORES = {"pg": "postgres", "redis": "redis", "weaviate": "weaviate"}
_OTHER_NAMES = {"postgres": "pg", "psql": "pg", "timescaledb": "pg", "redis-cli": "redis"}

# Opens the password's file, removes it, then becomes the tool.
_PSQL_INSIDE = 'exec 9<"$0"; rm -f "$0"; export PGPASSFILE=/dev/fd/9; exec psql "$@"'
_REDIS_INSIDE = 'REDISCLI_AUTH=$(cat "$0"); export REDISCLI_AUTH; rm -f "$0"; exec redis-cli "$@"'
_LEAVE_FILE = 'umask 077; file=$(mktemp /tmp/christmas-XXXXXXXX); IFS= read -r line; printf "%s\\n" "$line" >"$file"; echo "$file"'


def run(store: str, stack: str, account: str, command: str) -> int:
    """Open a prompt in the store, or run one `command`; return the tool's exit code.

    Raises PlatformError for an unknown store or account, and if neither the tool nor the container is available.
    """
    name = _OTHER_NAMES.get(store, store)
    if name not in _STORES:
        raise PlatformError(what=f"no shell for {store!r}", where="invoke shell", next_step=f"use one of: {', '.join(_STORES)}")
    return enter(connections.load(stack), name, account, command)


def enter(platform: Platform, name: str, account: str = "", command: str = "") -> int:
    """The same for a loaded stack; `name` is pg, redis or weaviate."""
    account = account or _USUAL[name]
    if not (name == "pg" and account == SUPERUSER):
        platform.secret(account, _STORES[name])  # raises for an unknown account
    if name == "weaviate":
        from console import prompt

        return prompt.run(platform, account, command)
    return (_psql if name == "pg" else _redis)(platform, account, command)


def _psql(platform: Platform, account: str, command: str) -> int:
    words = ["-c", command] if command else []
    container = platform.containers[TIMESCALEDB.name]
    if account == SUPERUSER:
        return _in_container(container, SUPERUSER, ["psql", "-d", DATABASE, *words])
    host, port = platform.endpoints["postgres"].address()
    login = platform.postgres_login(account)
    if psql := shutil.which("psql"):
        with file_in_memory(pgpass_line(host, port, login, platform.secret(account, "postgres"))) as (path, number):
            settings = {"PGPASSFILE": path, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(platform.ca_file), "PGAPPNAME": "invoke shell"}
            return _in_front([psql, *_at(host, port, login), *words], settings, keep=(number,))
    inside, number = platform.endpoints["postgres"].address(inside=True)
    line = pgpass_line(inside, number, login, platform.secret(account, "postgres"))
    settings = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{CONFIG_DIRECTORY}/ca.crt", "PGAPPNAME": "invoke shell"}
    with _left(container, SUPERUSER, line) as file:
        return _in_container(container, SUPERUSER, ["sh", "-c", _PSQL_INSIDE, file, *_at(inside, number, login), *words], settings)


def _at(host: str, port: int, login: str) -> list[str]:
    return ["-h", host, "-p", str(port), "-U", login, "-d", DATABASE]


def _redis(platform: Platform, account: str, command: str) -> int:
    words = _split(command) if command else []
    container, password = platform.containers[REDIS.name], platform.secret(account, "redis")
    host, port = platform.endpoints["redis"].address()
    tool = shutil.which("redis-cli")
    # -e: exit with an error if the server refuses the command.
    words = ["-e", *words] if words else []
    plain = ["--tls", "--no-auth-warning", "--user", account]
    if tool and _speaks_tls(tool):
        options = [*plain, "--cacert", str(platform.ca_file), "-h", host, "-p", str(port)]
        return _in_front([tool, *options, *words], {"REDISCLI_AUTH": password})
    options = [*plain, "--cacert", f"{CONFIG_DIRECTORY}/ca.crt", "-h", "localhost"]
    with _left(container, "", password) as file:
        return _in_container(container, "", ["sh", "-c", _REDIS_INSIDE, file, *options, *words])


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise PlatformError(what=f"the command has unbalanced quotes: {error}", where=repr(command), next_step="close the quotes") from None


def _speaks_tls(tool: str) -> bool:
    """Whether this build of redis-cli supports TLS."""
    done = subprocess.run([tool, "--help"], capture_output=True, text=True, check=False)
    return "--tls" in done.stdout + done.stderr


@contextlib.contextmanager
def _left(container: str, user: str, content: str) -> Iterator[str]:
    """A secret in a file of the container's tmpfs, written through a pipe. The reader removes it."""
    from core.container_commands import execute

    file = execute(container, ["sh", "-c", _LEAVE_FILE], user=user, text=f"{content}\n").text()
    try:
        yield file
    finally:
        # If the reader never started.
        with contextlib.suppress(PlatformError):
            execute(container, ["rm", "-f", file], user=user, check=False)


def _in_container(container: str, user: str, command: Sequence[str], settings: Mapping[str, str] | None = None) -> int:
    """Run a command in the container with this terminal, through the `docker` command and the chosen engine."""
    from core.chosen_engine import chosen_engine
    from core.container_commands import running

    running(container)
    client = shutil.which("docker")
    if client is None:
        raise PlatformError(
            what="neither the store's own client nor `docker` is on PATH",
            where="this machine",
            next_step="on Debian: sudo apt-get install docker-cli, or postgresql-client and redis-tools",
        )
    options = ["-i", *(["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []), *(["-u", user] if user else [])]
    for name, value in (settings or {}).items():
        options += ["-e", f"{name}={value}"]
    return _in_front([client, "exec", *options, container, *command], chosen_engine().variables())


def _in_front(command: Sequence[str], settings: Mapping[str, str], keep: Sequence[int] = ()) -> int:
    """Run a program in the foreground; it receives Ctrl-C alone. Return its exit code as a shell does."""
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(command, env={**os.environ, **settings}, pass_fds=tuple(keep), preexec_fn=_take_signals)  # noqa: PLW1509
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code


def _take_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
