"""Shell commands that open common clients as an account. Secrets are in files that only their owner can read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from christmas.blueprint.relational import DATABASE
from core.disk import write_whole
from core.errors import PlatformError
from infra import trust
from infra.connections import LOCAL, Platform

# weaviate-cli's HTTP client trusts only the authorities of the package certifi; Python imports this file at its start.
_SITE = """\
# Written by `invoke env --for weaviate-cli`: the HTTP client also trusts the stack's CA.
import certifi

certifi.where = lambda: {bundle!r}
"""


def line(platform: Platform, client: str, account: str = "") -> str:
    """The shell command that opens `client` as an account, by default a read-only one. Writes the files it needs.

    Raises PlatformError for an unknown client, and for an account that doesn't exist in its store.
    """
    if client not in _LINES:
        raise unknown_client(client)
    write, usual = _LINES[client]
    return write(platform, account or usual)


def unknown_client(client: str) -> PlatformError:
    """The error for an unknown client."""
    return PlatformError(what=f"--for {client!r} is not known", where="invoke env", next_step=f"use one of: {', '.join(_LINES)}")


def pgpass_line(host: str, port: int, login: str, password: str) -> str:
    """A line of libpq's password file, with escaped separators."""
    fields = (host, str(port), DATABASE, login, password)
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)


def _file(platform: Platform, account: str, ending: str) -> Path:
    return LOCAL / "env" / f"{platform.stack}-{account}.{ending}"


def _settings(values: dict[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def _pgpass(platform: Platform, account: str) -> str:
    host, port = platform.endpoints["postgres"].address()
    target = _file(platform, account, "pgpass")
    write_whole(target, pgpass_line(host, port, platform.postgres_login(account), platform.secret(account, "postgres")) + "\n")
    return _settings({"PGPASSFILE": str(target)})


def _libpq(tool: str) -> Callable[[Platform, str], str]:
    def write(platform: Platform, account: str) -> str:
        host, port = platform.endpoints["postgres"].address()
        ca = quote(str(platform.ca_file), safe="/")
        url = f"postgresql://{platform.postgres_login(account)}@{host}:{port}/{DATABASE}?sslmode=verify-full&sslrootcert={ca}"
        return f"{_pgpass(platform, account)} {tool} {shlex.quote(url)}"

    return write


def _dbeaver(platform: Platform, account: str) -> str:
    host, port = platform.endpoints["postgres"].address()
    words = {
        "driver": "postgresql",
        "name": f"christmas-{platform.stack}-{account}",
        "host": host,
        "port": str(port),
        "database": DATABASE,
        "user": platform.postgres_login(account),
        "auth": "postgres_pgpass",
        "prop.sslmode": "verify-full",
        "prop.sslrootcert": str(platform.ca_file),
    }
    return f"{_pgpass(platform, account)} dbeaver -con {shlex.quote('|'.join(f'{name}={value}' for name, value in words.items()))}"


def _redis_cli(platform: Platform, account: str) -> str:
    host, port = platform.endpoints["redis"].address()
    target = _file(platform, account, "redis-password")
    write_whole(target, platform.secret(account, "redis") + "\n")
    words = ["redis-cli", "--tls", "--cacert", str(platform.ca_file), "--no-auth-warning", "--user", account, "-h", host, "-p", str(port)]
    return f'REDISCLI_AUTH="$(cat {shlex.quote(str(target))})" {shlex.join(words)}'


def _weaviate_cli(platform: Platform, account: str) -> str:
    bundle = str(trust.write_bundle(platform.ca_file))
    host, port = platform.endpoints["weaviate"].address()
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address()
    settings = {
        # It uses TLS only for URLs.
        "host": f"https://{host}",
        "http_port": port,
        "grpc_host": f"https://{grpc_host}",
        "grpc_port": grpc_port,
        "auth": {"type": "api_key", "api_key": platform.secret(account, "weaviate")},
        **({"headers": {"X-OpenAI-Api-Key": platform.embedding_key}} if platform.embedding_key else {}),
    }
    target = _file(platform, account, "weaviate-cli.json")
    write_whole(target, json.dumps(settings, indent=1) + "\n")
    site = LOCAL / "env" / f"{platform.stack}-weaviate-cli"
    write_whole(site / "sitecustomize.py", _SITE.format(bundle=bundle), mode=0o644)
    before = _settings({"PYTHONPATH": str(site), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle})
    return f"{before} weaviate-cli --config-file {shlex.quote(str(target))}"


_LINES: dict[str, tuple[Callable[[Platform, str], str], str]] = {
    "psql": (_libpq("psql"), "analyst"),
    "pgcli": (_libpq("pgcli"), "analyst"),
    "redis-cli": (_redis_cli, "monitor"),
    "weaviate-cli": (_weaviate_cli, "rag"),
    "dbeaver": (_dbeaver, "analyst"),
}

CLIENTS = tuple(_LINES)
