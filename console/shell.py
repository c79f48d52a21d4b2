"""A prompt in a store: psql, redis-cli or Python, logged in as an account, with the tool's own exit code.

No password is an argument of a process or stands in a process list: psql reads it from a file in memory that only its own process has
open, or from one in the container's memory that is gone before psql begins; redis-cli, which reads no file, has it in its own environment;
the Python prompt has it in memory.
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
from infra import connections
from infra.client_lines import pgpass_line
from infra.components.names import CONFIG_DIRECTORY

if TYPE_CHECKING:
    from infra.connections import Platform

SUPERUSER = "postgres"
"""The server's own user: it has no password, and is let in through the socket in the container alone."""

# Each reads without being able to change anything.
_USUAL = {"pg": "analyst", "redis": "monitor", "weaviate": "rag"}
_STORES = {"pg": "postgres", "redis": "redis", "weaviate": "weaviate"}
_OTHER_NAMES = {"postgres": "pg", "psql": "pg", "timescaledb": "pg", "redis-cli": "redis"}

# Takes the password from its file, which is in the container's memory, removes that, and becomes the tool.
_PSQL_INSIDE = 'exec 9<"$0"; rm -f "$0"; export PGPASSFILE=/dev/fd/9; exec psql "$@"'
_REDIS_INSIDE = 'REDISCLI_AUTH=$(cat "$0"); export REDISCLI_AUTH; rm -f "$0"; exec redis-cli "$@"'
_LEAVE_FILE = 'umask 077; file=$(mktemp /tmp/christmas-XXXXXXXX); IFS= read -r line; printf "%s\\n" "$line" >"$file"; echo "$file"'


def run(store: str, stack: str, account: str, command: str) -> int:
    """Open a prompt in the store, or carry out `command` there and end; return the tool's exit code.

    Raises PlatformError for a store or an account that doesn't exist, and where neither the tool nor the container is there.
    """
    name = _OTHER_NAMES.get(store, store)
    if name not in _STORES:
        raise PlatformError(what=f"there is no shell for {store!r}", where="invoke shell", next_step=f"use one of: {', '.join(_STORES)}")
    return enter(connections.load(stack), name, account, command)


def enter(platform: Platform, name: str, account: str = "", command: str = "") -> int:
    """The same in a stack that is known; `name` is pg, redis or weaviate."""
    account = account or _USUAL[name]
    if not (name == "pg" and account == SUPERUSER):
        platform.secret(account, _STORES[name])  # says which accounts there are
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
    if psql := shutil.which("psql"):
        with _file_in_memory(pgpass_line(host, port, account, platform.secret(account, "postgres"))) as (path, number):
            settings = {"PGPASSFILE": path, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(platform.ca_file), "PGAPPNAME": "invoke shell"}
            return _in_front([psql, *_at(host, port, account), *words], settings, keep=(number,))
    inside, number = platform.endpoints["postgres"].address(inside=True)
    line = pgpass_line(inside, number, account, platform.secret(account, "postgres"))
    settings = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{CONFIG_DIRECTORY}/ca.crt", "PGAPPNAME": "invoke shell"}
    with _left(container, SUPERUSER, line) as file:
        return _in_container(container, SUPERUSER, ["sh", "-c", _PSQL_INSIDE, file, *_at(inside, number, account), *words], settings)


def _at(host: str, port: int, account: str) -> list[str]:
    return ["-h", host, "-p", str(port), "-U", account, "-d", DATABASE]


def _redis(platform: Platform, account: str, command: str) -> int:
    words = _split(command) if command else []
    container, password = platform.containers[REDIS.name], platform.secret(account, "redis")
    host, port = platform.endpoints["redis"].address()
    tool = shutil.which("redis-cli")
    # With -e a command that the server refuses is a failure.
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
        raise PlatformError(what=f"the command can't be read: {error}", where=repr(command), next_step="close what was quoted") from None


def _speaks_tls(tool: str) -> bool:
    """Whether this build of redis-cli knows TLS: some don't."""
    done = subprocess.run([tool, "--help"], capture_output=True, text=True, check=False)
    return "--tls" in done.stdout + done.stderr


@contextlib.contextmanager
def _file_in_memory(content: str) -> Iterator[tuple[str, int]]:
    """A file that has no name in any folder: its path for a child that inherits its number, and that number."""
    number = os.memfd_create("christmas")
    try:
        os.fchmod(number, 0o600)  # libpq takes no other
        os.write(number, f"{content}\n".encode())
        yield f"/dev/fd/{number}", number
    finally:
        os.close(number)


@contextlib.contextmanager
def _left(container: str, user: str, content: str) -> Iterator[str]:
    """A secret in a file in the container's memory, put there by a pipe: its path. Whoever reads it removes it."""
    from core.containers import execute

    file = execute(container, ["sh", "-c", _LEAVE_FILE], user=user, line=content).text()
    try:
        yield file
    finally:
        # Where nobody came to read it.
        with contextlib.suppress(PlatformError):
            execute(container, ["rm", "-f", file], user=user, check=False)


def _in_container(container: str, user: str, command: Sequence[str], settings: Mapping[str, str] | None = None) -> int:
    """Run a command there with this terminal, by Docker's own client, at the engine that is meant."""
    from core.chosen_engine import chosen_engine
    from core.containers import running

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
    """Run a program that has the terminal to itself: Ctrl-C is its own. Return its exit code, as a shell would have it."""
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
