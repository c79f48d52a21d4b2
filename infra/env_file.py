"""Connection settings of one account as a file of environment variables, for an application on the host or in the network."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from pathlib import Path

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from christmas.blueprint.model import Privilege
from christmas.blueprint.sealed_fields import ENCRYPTED_FIELDS
from core.disk import write_whole
from core.errors import PlatformError
from infra import trust
from infra.connections import LOCAL, Platform

INSIDE_CA_FILE = "/run/christmas/ca.crt"
INSIDE_KEYS_FILE = "/run/christmas/field-keys.json"


def opens_fields(account: str) -> bool:
    """Whether the account handles encrypted fields: it may read all columns of such a table, and write to it."""
    declared = next((declared for declared in ACCOUNTS if declared.name == account), None)
    tables = {field.table for field in ENCRYPTED_FIELDS}
    grants = declared.postgres.grants if declared and declared.postgres else ()
    return any(grant.table in tables and grant.columns is None and Privilege.UPDATE in grant.privileges for grant in grants)


def variables(
    platform: Platform, account: str, *, inside: bool = False, ca_file: str | None = None, keys_file: str | None = None
) -> dict[str, str]:
    """Everything that a client with this account needs, by the names that applications read.

    `keys_file` is the path of the field keys, if the account handles encrypted fields.
    A store without the account has no URL with credentials; Weaviate's address alone is not secret and always included.
    Raises PlatformError for an account that the blueprint does not declare.
    """
    declared = {declared.name: declared for declared in ACCOUNTS}
    if account not in declared:
        raise PlatformError(
            what=f"there is no account {account!r}", where="christmas/blueprint/accounts.py", next_step=f"use one of: {', '.join(declared)}"
        )
    ca = ca_file or (INSIDE_CA_FILE if inside else str(platform.ca_file))
    # The libraries use these files for all connections, also those to other servers.
    every = trust.bundle_of(ca)
    grpc_host, grpc_port = platform.endpoints["weaviate_grpc"].address(inside=inside)
    settings = {
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
        settings["DATABASE_URL"] = platform.postgres_url(account, inside=inside, ca_file=ca)
    if keys_file and opens_fields(account):
        settings["FIELD_KEYS_FILE"] = keys_file
    if declared[account].redis:
        settings["REDIS_URL"] = platform.redis_url(account, inside=inside, ca_file=ca)
    if declared[account].weaviate:
        settings["WEAVIATE_API_KEY"] = platform.secret(account, "weaviate")
        settings["OPENAI_API_KEY"] = platform.embedding_key
        settings["CHRISTMAS_SEARCH_CERTAINTY"] = str(CHRISTMAS_DOCUMENT.profile(platform.embedding_profile).certainty)
        if platform.embedding_profile == "embedded":
            host, port = platform.endpoints["embedder"].address(inside=inside)
            settings["OPENAI_BASE_URL"] = f"https://{host}:{port}/v1"
    return settings


class Form(StrEnum):
    """The reader of the file. A URL contains `&`: shells need quotes around it, but `docker run` would take quotes as part of the value."""

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
    """Write the variables to a file with mode 0600, replacing an older one atomically; return its path.

    With `inside` the CA's path is that in a container of the network, where the certificate must be mounted. An account that handles
    encrypted fields gets the field keys in a second file with the same mode; inside, that is mounted too, and so is the certificate
    bundle (`infra.trust`) that is written beside the CA's certificate. The default `form` is for `docker run` inside the network, and
    for shells on the host.
    """
    trust.write_bundle(platform.ca_file)
    form = form or (Form.DOCKER if inside else Form.SHELL)
    quoted = _quoted if form is Form.SHELL else str
    target = path or LOCAL / "env" / f"{platform.stack}-{account}{'-inside' if inside else ''}.env"
    keys = target.with_name(f"{platform.stack}-{account}.field-keys.json")
    keys_file = (INSIDE_KEYS_FILE if inside else str(keys)) if platform.field_keys else None
    settings = variables(platform, account, inside=inside, ca_file=ca_file, keys_file=keys_file)
    if "FIELD_KEYS_FILE" in settings:
        write_whole(keys, platform.field_keys)
    write_whole(target, "".join(f"{name}={quoted(value)}\n" for name, value in sorted(settings.items())))
    return target


def mounts(platform: Platform, account: str) -> dict[str, str]:
    """The mounts (read-only) of an application inside the network: the path here to the path there."""
    ca = str(platform.ca_file)
    mounted = {ca: INSIDE_CA_FILE, trust.bundle_of(ca): trust.bundle_of(INSIDE_CA_FILE)}
    if platform.field_keys and opens_fields(account):
        mounted[str(LOCAL / "env" / f"{platform.stack}-{account}.field-keys.json")] = INSIDE_KEYS_FILE
    return mounted


def _quoted(value: str) -> str:
    """Quoted for shells."""
    return value if re.fullmatch(r"[\w@%+=:,./?-]+", value) else shlex.quote(value)
