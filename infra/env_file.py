"""Connection settings of one account as a file of environment variables, for an application on the host or in the network."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from pathlib import Path

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.collections import CHRISTMAS_DOCUMENT
from christmas.blueprint.encryption import ENCRYPTED_FIELDS
from christmas.blueprint.model import Privilege
from core.disk import write_whole
from core.errors import PlatformError
from infra import trust
from infra.connections import LOCAL, Platform

INSIDE_CA_FILE = "/run/christmas/ca.crt"
INSIDE_KEYS_FILE = "/run/christmas/field-keys.json"


def opens_fields(account: str) -> bool:
    """Whether the account serves encrypted fields: it may read all of a table that has some, and write it."""
    declared = next((each for each in ACCOUNTS if each.name == account), None)
    tables = {field.table for field in ENCRYPTED_FIELDS}
    grants = declared.postgres.grants if declared and declared.postgres else ()
    return any(grant.table in tables and grant.columns is None and Privilege.UPDATE in grant.privileges for grant in grants)


def variables(
    platform: Platform, account: str, *, inside: bool = False, ca_file: str | None = None, keys_file: str | None = None
) -> dict[str, str]:
    """Everything that a client with this account needs, by the names that applications read.

    `keys_file` is where it finds the ring of keys for encrypted fields, if it is an account that opens them.
    A store in which the account does not exist has no URL with credentials; Weaviate's address alone is no secret and always there.
    Raises PlatformError for an account that the blueprint does not declare.
    """
    declared = {each.name: each for each in ACCOUNTS}
    if account not in declared:
        raise PlatformError(
            what=f"there is no account {account!r}", where="christmas/blueprint/accounts.py", next_step=f"use one of: {', '.join(declared)}"
        )
    ca = ca_file or (INSIDE_CA_FILE if inside else str(platform.ca_file))
    # Its readers take these for all their connections, those to other servers too.
    every = trust.bundle_of(ca)
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address(inside=inside)
    found = {
        "CHRISTMAS_STACK": platform.stack,
        "CHRISTMAS_ACCOUNT": account,
        "CHRISTMAS_CA_FILE": ca,
        "SSL_CERT_FILE": every,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": every,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": ca,
        "WEAVIATE_URL": platform.weaviate_url(inside=inside),
        "WEAVIATE_GRPC_HOST": grpc_host,
        "WEAVIATE_GRPC_PORT": str(grpc_port),
    }
    if declared[account].postgres:
        found["DATABASE_URL"] = platform.postgres_url(account, inside=inside, ca_file=ca)
    if keys_file and opens_fields(account):
        found["FIELD_KEYS_FILE"] = keys_file
    if declared[account].redis:
        found["REDIS_URL"] = platform.redis_url(account, inside=inside, ca_file=ca)
    if declared[account].weaviate:
        found["WEAVIATE_API_KEY"] = platform.secret(account, "weaviate")
        found["OPENAI_API_KEY"] = platform.embedding_key
        found["CHRISTMAS_SEARCH_CERTAINTY"] = str(CHRISTMAS_DOCUMENT.profile(platform.embedding_profile).certainty)
        if platform.embedding_profile == "embedded":
            host, port = platform.endpoints["embedder"].address(inside=inside)
            found["OPENAI_BASE_URL"] = f"https://{host}:{port}/v1"
    return found


class Form(StrEnum):
    """Who reads the file. A URL holds `&`: shells need quotes around that, and `docker run` would take quotes for part of the value."""

    SHELL = "shell"  # shells, python-dotenv, systemd's EnvironmentFile, Docker Compose
    DOCKER = "docker"  # docker run --env-file, kubectl create --from-env-file


def write(
    platform: Platform,
    account: str,
    *,
    inside: bool = False,
    ca_file: str | None = None,
    path: Path | None = None,
    form: Form | None = None,
) -> Path:
    """Write the variables to a file that only its owner reads (0600), replacing an older one at once; return its path.

    With `inside` the CA's path is that in a container of the network, where its certificate has to be mounted. An account that opens
    encrypted fields gets the ring of keys in a file beside it, of the same mode; inside, that is mounted too. So is the bundle of
    certificates (`infra.trust`) that is written beside the CA's. Without `form` the file is for `docker run` inside the network, and for
    shells on the host.
    """
    trust.write_bundle(platform.ca_file)
    form = form or (Form.DOCKER if inside else Form.SHELL)
    quoted = _quoted if form is Form.SHELL else str
    target = path or LOCAL / "env" / f"{platform.stack}-{account}{'-inside' if inside else ''}.env"
    keys = target.with_name(f"{platform.stack}-{account}.field-keys.json")
    keys_file = (INSIDE_KEYS_FILE if inside else str(keys)) if platform.field_keys else None
    found = variables(platform, account, inside=inside, ca_file=ca_file, keys_file=keys_file)
    if "FIELD_KEYS_FILE" in found:
        write_whole(keys, platform.field_keys)
    write_whole(target, "".join(f"{name}={quoted(value)}\n" for name, value in sorted(found.items())))
    return target


def mounts(platform: Platform, account: str) -> dict[str, str]:
    """What an application inside the network needs mounted, for reading: the file here to its path there."""
    ca = str(platform.ca_file)
    found = {ca: INSIDE_CA_FILE, trust.bundle_of(ca): trust.bundle_of(INSIDE_CA_FILE)}
    if platform.field_keys and opens_fields(account):
        found[str(LOCAL / "env" / f"{platform.stack}-{account}.field-keys.json")] = INSIDE_KEYS_FILE
    return found


def _quoted(value: str) -> str:
    """As shells read it."""
    return value if re.fullmatch(r"[\w@%+=:,./?-]+", value) else shlex.quote(value)
