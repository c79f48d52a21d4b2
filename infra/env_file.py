"""Connection settings of one account as a file of environment variables, for an application on the host or in the network."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from airgap.errors import PlatformError
from blueprint.accounts import ACCOUNTS
from infra.connections import LOCAL, Platform

INSIDE_CA_FILE = "/run/christmas/ca.crt"


def variables(platform: Platform, account: str, *, inside: bool = False, ca_file: str | None = None) -> dict[str, str]:
    """Everything that a client with this account needs, by the names that applications read.

    A store in which the account does not exist has no URL with credentials; Weaviate's address alone is no secret and always there.
    Raises PlatformError for an account that the blueprint does not declare.
    """
    declared = {each.name: each for each in ACCOUNTS}
    if account not in declared:
        raise PlatformError(
            what=f"there is no account {account!r}", where="blueprint/accounts.py", next_step=f"use one of: {', '.join(declared)}"
        )
    ca = ca_file or (INSIDE_CA_FILE if inside else str(platform.ca_file))
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address(inside=inside)
    found = {
        "CHRISTMAS_STACK": platform.stack,
        "CHRISTMAS_ACCOUNT": account,
        "CHRISTMAS_CA_FILE": ca,
        "SSL_CERT_FILE": ca,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": ca,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": ca,
        "WEAVIATE_URL": platform.weaviate_url(inside=inside),
        "WEAVIATE_GRPC_HOST": grpc_host,
        "WEAVIATE_GRPC_PORT": str(grpc_port),
    }
    if declared[account].postgres:
        # The CA is in PGSSLROOTCERT, so that the URL needs no `&`, which shells and Docker's env files would take differently.
        found["DATABASE_URL"] = platform.postgres_url(account, inside=inside).partition("&")[0]
    if declared[account].redis:
        found["REDIS_URL"] = platform.redis_url(account, inside=inside, ca_file=ca)
    if declared[account].weaviate:
        found["WEAVIATE_API_KEY"] = platform.secret(account, "weaviate")
        found["OPENAI_API_KEY"] = platform.embedding_key
        if platform.embedding_profile == "embedded":
            host, port = platform.endpoints["embedder"].address(inside=inside)
            found["OPENAI_BASE_URL"] = f"https://{host}:{port}/v1"
    return found


def write(platform: Platform, account: str, *, inside: bool = False, ca_file: str | None = None, path: Path | None = None) -> Path:
    """Write the variables to a file that only its owner reads (0600), replacing an older one at once; return its path.

    With `inside` the CA's path is that in a container of the network, where its certificate has to be mounted.
    """
    target = path or LOCAL / "env" / f"{platform.stack}-{account}{'-inside' if inside else ''}.env"
    lines = [f"{name}={_quoted(value)}" for name, value in sorted(variables(platform, account, inside=inside, ca_file=ca_file).items())]
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write("\n".join(lines) + "\n")
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return target


def _quoted(value: str) -> str:
    """As both shells and `docker run --env-file` read it; the latter knows no quotes, so they are used only where they must be."""
    return value if re.fullmatch(r"[\w@%+=:,./?-]+", value) else shlex.quote(value)
